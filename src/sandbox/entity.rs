//! Entities as the tenant writes them: `OData` version 2 JSON, and Atom for those who do not ask for JSON.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use super::answer::{Answer, Format, escape};
use super::path::encode;

/// One property's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Property {
    Text(String),
    /// An `Edm.DateTime`, in milliseconds since 1970.
    Date(i64),
    /// A complex type: its fields, all text.
    Complex(Vec<(&'static str, String)>),
    Null,
}

impl Property {
    pub(super) fn text(value: impl Into<String>) -> Self {
        Property::Text(value.into())
    }

    fn json(&self) -> Value {
        match self {
            Property::Text(text) => json!(text),
            Property::Date(millis) => json!(format!("/Date({millis})/")),
            Property::Complex(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, text)| ((*name).to_owned(), json!(text)));
                Value::Object(fields.collect())
            }
            Property::Null => Value::Null,
        }
    }

    fn xml(&self, name: &str) -> String {
        match self {
            Property::Text(text) => format!("<d:{name}>{}</d:{name}>", escape(text)),
            Property::Date(millis) => format!("<d:{name}>{}</d:{name}>", iso(*millis)),
            Property::Complex(fields) => {
                let inner = fields
                    .iter()
                    .map(|(name, text)| format!("<d:{name}>{}</d:{name}>", escape(text)));
                format!("<d:{name}>{}</d:{name}>", inner.collect::<String>())
            }
            Property::Null => format!("<d:{name} m:null=\"true\"/>"),
        }
    }

    /// What filters and sorting compare.
    pub(super) fn comparable(&self) -> String {
        match self {
            Property::Text(text) => text.clone(),
            Property::Date(millis) => format!("{millis:020}"),
            Property::Null | Property::Complex(_) => String::new(),
        }
    }
}

/// `2026-09-27T10:20:30.123`, without a zone, as Atom bodies have it.
pub(super) fn iso(millis: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    let text = date
        .ok()
        .and_then(|date| date.format(&Iso8601::DATE_TIME).ok())
        .unwrap_or_default();
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    format!("{seconds}.{:.3}", format!("{fraction:0<3}"))
}

/// An entity with its place in the service.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) set: &'static str,
    /// The type's name, without its namespace.
    pub(super) kind: &'static str,
    /// The key predicate as it stands in links, percent-encoded.
    pub(super) key: String,
    pub(super) properties: Vec<(&'static str, Property)>,
    /// Navigation properties, not expanded.
    pub(super) links: Vec<&'static str>,
    /// Navigation properties written in full.
    pub(super) expanded: Vec<(&'static str, Vec<Entity>)>,
    /// Whether `$value` gives a file.
    pub(super) media: bool,
}

impl Entity {
    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    fn uri(&self, root: &str) -> String {
        format!("{root}/{}({})", self.set, self.key)
    }

    fn json(&self, root: &str) -> Value {
        let uri = self.uri(root);
        let mut metadata =
            json!({"id": uri, "uri": uri, "type": format!("com.sap.hci.api.{}", self.kind)});
        if self.media {
            metadata["content_type"] = json!("application/octet-stream");
            metadata["media_src"] = json!(format!("{uri}/$value"));
        }
        let mut fields = Map::from_iter([("__metadata".to_owned(), metadata)]);
        for (name, value) in &self.properties {
            fields.insert((*name).to_owned(), value.json());
        }
        for name in &self.links {
            fields.insert(
                (*name).to_owned(),
                json!({"__deferred": {"uri": format!("{uri}/{name}")}}),
            );
        }
        for (name, entities) in &self.expanded {
            let results: Vec<Value> = entities.iter().map(|entity| entity.json(root)).collect();
            fields.insert((*name).to_owned(), json!({ "results": results }));
        }
        Value::Object(fields)
    }

    fn xml(&self, root: &str, declarations: &str) -> String {
        let uri = escape(&self.uri(root));
        let properties: String = self
            .properties
            .iter()
            .map(|(name, value)| value.xml(name))
            .collect();
        let properties = format!("<m:properties>{properties}</m:properties>");
        let links: String = self
            .links
            .iter()
            .map(|name| link(self, &uri, name, ""))
            .collect();
        let expanded: String = self
            .expanded
            .iter()
            .map(|(name, entities)| expanded(self, &uri, name, entities, root))
            .collect();
        let content = if self.media {
            format!("<content type=\"application/octet-stream\" src=\"{uri}/$value\"/>{properties}")
        } else {
            format!("<content type=\"application/xml\">{properties}</content>")
        };
        format!(
            "<entry{declarations}><id>{uri}</id><title type=\"text\">{}</title><updated>1970-01-01T00:00:00Z</updated>\
             <category term=\"com.sap.hci.api.{}\" scheme=\"http://schemas.microsoft.com/ado/2007/08/dataservices/scheme\"/>\
             <link href=\"{uri}\" rel=\"edit\" title=\"{}\"/>{links}{expanded}{content}</entry>",
            self.set, self.kind, self.kind
        )
    }
}

fn link(entity: &Entity, uri: &str, name: &str, inline: &str) -> String {
    format!(
        "<link href=\"{uri}/{name}\" rel=\"http://schemas.microsoft.com/ado/2007/08/dataservices/related/{name}\" \
         title=\"{}\" type=\"application/atom+xml\">{inline}</link>",
        entity.kind
    )
}

fn expanded(entity: &Entity, uri: &str, name: &str, entities: &[Entity], root: &str) -> String {
    let entries: String = entities.iter().map(|entity| entity.xml(root, "")).collect();
    link(
        entity,
        uri,
        name,
        &format!("<m:inline><feed>{entries}</feed></m:inline>"),
    )
}

const DECLARATIONS: &str = " xmlns=\"http://www.w3.org/2005/Atom\" \
    xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
    xmlns:d=\"http://schemas.microsoft.com/ado/2007/08/dataservices\"";
const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// A page of entities.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    pub(super) entities: Vec<Entity>,
    /// How many there are on all pages, when the caller asked.
    pub(super) count: Option<usize>,
    /// Where the next page is.
    pub(super) next: Option<String>,
}

/// Writes one entity.
pub(super) fn entity_answer(status: u16, entity: &Entity, format: Format, root: &str) -> Answer {
    match format {
        Format::Json => Answer::json(status, &json!({"d": entity.json(root)})),
        Format::Atom => {
            let body = format!("{PROLOG}{}", entity.xml(root, DECLARATIONS));
            Answer::typed(
                status,
                "application/atom+xml;type=entry;charset=utf-8",
                body.into_bytes(),
            )
        }
    }
}

/// Writes a list.
pub(super) fn list_answer(set: &str, page: &Page, format: Format, root: &str) -> Answer {
    match format {
        Format::Json => Answer::json(200, &json!({"d": list_json(page, root)})),
        Format::Atom => {
            let body = feed(set, page, root);
            Answer::typed(
                200,
                "application/atom+xml;type=feed;charset=utf-8",
                body.into_bytes(),
            )
        }
    }
}

fn list_json(page: &Page, root: &str) -> Value {
    let results: Vec<Value> = page
        .entities
        .iter()
        .map(|entity| entity.json(root))
        .collect();
    let mut list = json!({ "results": results });
    if let Some(count) = page.count {
        list["__count"] = json!(count.to_string());
    }
    if let Some(next) = &page.next {
        list["__next"] = json!(next);
    }
    list
}

fn feed(set: &str, page: &Page, root: &str) -> String {
    let entries: String = page
        .entities
        .iter()
        .map(|entity| entity.xml(root, ""))
        .collect();
    let count = page
        .count
        .map(|count| format!("<m:count>{count}</m:count>"))
        .unwrap_or_default();
    let next = page
        .next
        .as_ref()
        .map(|next| format!("<link rel=\"next\" href=\"{}\"/>", escape(next)))
        .unwrap_or_default();
    format!(
        "{PROLOG}<feed{DECLARATIONS}><id>{root}/{}</id><title type=\"text\">{set}</title>\
         <updated>1970-01-01T00:00:00Z</updated>{count}{entries}{next}</feed>",
        encode(set)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Entity {
        Entity {
            set: "IntegrationRuntimeArtifacts",
            kind: "IntegrationRuntimeArtifact",
            key: "'A%26B'".into(),
            properties: vec![
                ("Id", Property::text("A&B")),
                ("DeployedOn", Property::Date(1_521_463_557_739)),
                ("Note", Property::Null),
            ],
            links: vec!["ErrorInformation"],
            expanded: Vec::new(),
            media: false,
        }
    }

    #[test]
    fn json_has_the_version_2_envelope() {
        let answer = entity_answer(200, &flow(), Format::Json, "http://h/api/v1");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["d"]["DeployedOn"], "/Date(1521463557739)/");
        let deferred = &body["d"]["ErrorInformation"]["__deferred"]["uri"];
        assert_eq!(
            deferred,
            "http://h/api/v1/IntegrationRuntimeArtifacts('A%26B')/ErrorInformation"
        );
    }

    #[test]
    fn atom_is_well_formed() {
        let page = Page {
            entities: vec![flow(), flow()],
            count: Some(7),
            next: Some("http://h/?a&b".into()),
        };
        let answer = list_answer(
            "IntegrationRuntimeArtifacts",
            &page,
            Format::Atom,
            "http://h/api/v1",
        );
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let dates: Vec<_> = document
            .descendants()
            .filter(|node| {
                node.has_tag_name((
                    "http://schemas.microsoft.com/ado/2007/08/dataservices",
                    "DeployedOn",
                ))
            })
            .collect();
        assert_eq!(dates.len(), 2);
        assert_eq!(dates[0].text(), Some("2018-03-19T12:45:57.739"));
    }
}
