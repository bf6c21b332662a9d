//! Reading `parameters.propdef`: which externalized parameters an integration flow declares.

use crate::xml::{self, XmlError};

/// The declaration of one externalized parameter. Elements that are absent are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    /// The key in `parameters.prop`; tenants write it into `<name>` and leave `<key>` empty.
    pub(crate) name: String,
    rest: [String; 5],
}

impl Definition {
    /// Everything but the name in words, such as `type xsd:string, required true`.
    pub(crate) fn describe(&self) -> String {
        let labels = ["key", "type", "required", "constraint", "description"];
        let parts: Vec<_> = labels
            .iter()
            .zip(&self.rest)
            .filter(|(_, value)| !value.is_empty())
            .map(|(label, value)| format!("{label} {value}"))
            .collect();
        parts.join(", ")
    }
}

/// Reads the declarations; the error is for people and carries its line.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Definition>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|error| Malformed {
        line: None,
        message: error.to_string(),
        is_excessive: false,
    })?;
    let document = xml::parse(text).map_err(|error| Malformed {
        line: Some(error.line()),
        message: error.to_string(),
        is_excessive: matches!(error, XmlError::Excessive { .. }),
    })?;
    let parameters = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("parameter"));
    Ok(parameters
        .map(definition)
        .filter(|definition| !definition.name.is_empty())
        .collect())
}

/// Why a `parameters.propdef` cannot be read.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) line: Option<u32>,
    pub(crate) message: String,
    /// It was not even parsed: it has more of something than any real file.
    pub(crate) is_excessive: bool,
}

fn definition(parameter: roxmltree::Node<'_, '_>) -> Definition {
    let of = |name: &str| {
        parameter
            .children()
            .find(|node| node.has_tag_name(name))
            .map(text_of)
            .unwrap_or_default()
    };
    let name = of("name");
    Definition {
        name: if name.is_empty() { of("key") } else { name },
        rest: ["key", "type", "isRequired", "constraint", "description"].map(of),
    }
}

/// The text directly in an element, whether it is written plainly, in CDATA or both.
pub(crate) fn text_of(node: roxmltree::Node<'_, '_>) -> String {
    node.children()
        .filter(roxmltree::Node::is_text)
        .filter_map(|text| text.text())
        .collect::<String>()
        .trim()
        .to_owned()
}
