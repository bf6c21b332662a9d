//! What goes back to the caller: status, headers, body; and the tenant's way of refusing.

use std::sync::Arc;

use serde_json::json;

/// An answer, ready for the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Arc<Vec<u8>>,
}

impl Answer {
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Arc::default(),
        }
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::typed(status, "text/html;charset=utf-8", body.as_bytes().to_vec())
    }

    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::typed(status, "text/plain;charset=utf-8", body.into().into_bytes())
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::typed(status, "application/json", body.to_string().into_bytes())
    }

    pub fn typed(status: u16, content_type: impl Into<String>, body: Vec<u8>) -> Self {
        Self::shared(status, content_type, Arc::new(body))
    }

    /// A body that is kept elsewhere too, such as a stored zip.
    pub fn shared(status: u16, content_type: impl Into<String>, body: Arc<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.into())],
            body,
        }
    }

    /// The same with another body; a zip is none that is written as text.
    pub fn rewritten(&self, body: Vec<u8>) -> Self {
        let mut answer = self.clone();
        if !self.body.starts_with(b"PK") {
            answer.body = Arc::new(body);
        }
        answer
    }

    pub fn text_body(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// How the caller wants entities and errors written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Atom,
    Json,
}

/// What a call leads to.
pub type Answered = Result<Answer, Refusal>;

/// The tenant says no, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub text: String,
}

impl Refusal {
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(400, text)
    }

    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(404, text)
    }

    /// There is no such entity.
    pub fn missing() -> Self {
        Self::not_found("Requested entity could not be found.")
    }

    /// There is no such set or function.
    pub fn unknown_set(name: &str) -> Self {
        Self::not_found(format!(
            "Could not find an entity set or function import for '{name}'."
        ))
    }

    /// An entity has no such navigation property.
    pub fn no_navigation(name: &str) -> Self {
        Self::not_found(format!("Could not find a navigation property '{name}'."))
    }

    /// A request body holds what the type does not have.
    pub fn undefined(property: &str) -> Self {
        Self::bad_request(format!(
            "The property '{property}' is not defined for this entity type."
        ))
    }

    pub fn not_implemented() -> Self {
        Self::new(501, "Not implemented")
    }

    /// The service plan lacks it; documented for another call of the same API.
    pub fn not_in_plan() -> Self {
        let text = "API is not available as part of your SAP Integration Suite service plan.";
        Self::new(405, text)
    }

    /// Known on a tenant, absent here: said plainly, so that nobody takes it for SAP's answer.
    pub fn not_simulated(what: &str) -> Self {
        Self::new(501, format!("{what} is not simulated by this sandbox."))
    }

    pub fn render(&self, format: Format) -> Answer {
        let (status, code) = (self.status, reason(self.status));
        match format {
            Format::Json => {
                let error = json!({"code": code, "message": {"lang": "en", "value": self.text}});
                Answer::json(status, &json!({ "error": error }))
            }
            Format::Atom => {
                let xml = format!(
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><error xmlns=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\">\
                     <code>{code}</code><message xml:lang=\"en\">{}</message></error>",
                    escape(&self.text)
                );
                Answer::typed(status, "application/xml;charset=utf-8", xml.into_bytes())
            }
        }
    }
}

/// Text for an XML element or attribute; characters that XML cannot hold are replaced.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{8}'
            | '\u{b}'
            | '\u{c}'
            | '\u{e}'..='\u{1f}'
            | '\u{fffe}'
            | '\u{ffff}' => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The reason phrase, which `OData` errors repeat as their code.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        423 => "Locked",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_speaks_both_languages() {
        let refusal = Refusal::not_found("<gone>");
        let json: serde_json::Value =
            serde_json::from_slice(&refusal.render(Format::Json).body).unwrap();
        assert_eq!(json["error"]["code"], "Not Found");
        assert_eq!(json["error"]["message"]["value"], "<gone>");
        let xml = String::from_utf8(refusal.render(Format::Atom).body.to_vec()).unwrap();
        assert!(
            xml.contains("<message xml:lang=\"en\">&lt;gone&gt;</message>"),
            "{xml}"
        );
        roxmltree::Document::parse(&xml).unwrap();
    }
}
