//! Reading `parameters.propdef`: which externalized parameters an integration flow declares.

use roxmltree::Node;

use crate::xml::{self, XmlError, text_of};

/// The declaration of one externalized parameter.
pub struct Definition {
    /// The key in `parameters.prop`; tenants write it into `<name>` and leave `<key>` empty.
    pub name: String,
    /// Everything but the name in words, such as `type xsd:string, required true`.
    pub words: String,
}

/// Reads the declarations.
pub fn parse(bytes: &[u8]) -> Result<Vec<Definition>, XmlError> {
    let document = xml::parse(xml::text(bytes)?)?;
    let elements = document.root_element().children();
    let parameters = elements.filter(|node| node.has_tag_name("parameter"));
    let named = parameters
        .map(definition)
        .filter(|one| !one.name.is_empty());
    Ok(named.collect())
}

fn definition(parameter: Node<'_, '_>) -> Definition {
    let of = |name: &str| {
        let mut children = parameter.children();
        let child = children.find(|node| node.has_tag_name(name));
        child.map(text_of).unwrap_or_default()
    };
    let words = [
        ("key", "key"),
        ("type", "type"),
        ("required", "isRequired"),
        ("constraint", "constraint"),
        ("description", "description"),
    ];
    let words = words.map(|(label, element)| (label, of(element)));
    let words = words.iter().filter(|(_, value)| !value.is_empty());
    let words: Vec<String> = words
        .map(|(label, value)| format!("{label} {value}"))
        .collect();
    Definition {
        name: [of("name"), of("key")]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default(),
        words: words.join(", "),
    }
}
