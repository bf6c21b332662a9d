//! Entities as the tenant writes them: `OData` version 2 JSON, and Atom for those who do not ask for JSON.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::answer::{Answer, Format, escape};
use super::model::{COMPLEX, EntitySet};
use super::path::{encode, key_literal};

/// A date as a property's value.
pub fn date(millis: i64) -> Value {
    json!(format!("/Date({millis})/"))
}

/// A property's value as a text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Object(_) => String::new(),
        other => other.to_string(),
    }
}

/// Dates compare as their numbers do.
pub fn comparable_date(millis: i64) -> String {
    format!("{millis:020}")
}

/// `2026-09-27T10:20:30.123`, without a zone, as Atom bodies have it.
pub fn iso(millis: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    let date = date.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second, milli) = date.time().as_hms_milli();
    format!(
        "{}T{hour:02}:{minute:02}:{second:02}.{milli:03}",
        date.date()
    )
}

/// An entity of a set.
#[derive(Debug, Clone)]
pub struct Entity {
    pub set: &'static EntitySet,
    /// The key predicate as it stands in links, percent-encoded.
    pub key: String,
    /// Values as they stand in JSON: a complex type is an object.
    pub properties: Vec<(&'static str, Value)>,
    /// Navigation properties, not expanded.
    pub links: Vec<&'static str>,
    /// Navigation properties written in full.
    pub expanded: Vec<(&'static str, Vec<Entity>)>,
}

/// The key predicate of an entity with these properties: the bare value, or the names with their values.
pub fn key_of(names: &str, properties: &[(&str, Value)]) -> String {
    let key = properties
        .iter()
        .filter(|(name, _)| names.split(' ').any(|key| key == *name));
    let key: Vec<_> = key
        .map(|(name, value)| (*name, key_literal(&plain(value))))
        .collect();
    match key.as_slice() {
        [(_, value)] => value.clone(),
        several => several
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(","),
    }
}

impl Entity {
    /// What filters and sorting compare: a property, or a field of a complex one, as in `Artifact/Id`.
    pub fn comparable(&self, path: &str) -> Option<String> {
        let (name, field) = path.split_once('/').unwrap_or((path, ""));
        let (_, value) = self.properties.iter().find(|(known, _)| *known == name)?;
        let value = match field {
            "" => value,
            field => value.get(field)?,
        };
        let date = self.date(name, value);
        Some(date.map_or_else(|| plain(value), comparable_date))
    }

    /// The milliseconds since 1970 of an `Edm.DateTime`.
    fn date(&self, name: &str, value: &Value) -> Option<i64> {
        let text = value.as_str().filter(|_| self.set.is_date(name))?;
        let text = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
        text.parse().ok()
    }

    fn property_xml(&self, name: &str, value: &Value) -> String {
        let inner = match value {
            Value::Null => return format!("<d:{name} m:null=\"true\"/>"),
            Value::Object(_) => {
                let fields = COMPLEX
                    .iter()
                    .filter_map(|name| Some((name, value.get(name)?)));
                fields
                    .map(|(name, value)| self.property_xml(name, value))
                    .collect()
            }
            value => match self.date(name, value) {
                Some(millis) => iso(millis),
                None => escape(&plain(value)),
            },
        };
        format!("<d:{name}>{inner}</d:{name}>")
    }

    /// Leaves out the properties for which this does not hold.
    pub fn keep(mut self, keeps: impl Fn(&str) -> bool) -> Self {
        self.properties.retain(|(name, _)| keeps(name));
        self
    }

    /// Writes a navigation property in full.
    pub fn expand(mut self, name: &'static str, entities: Vec<Entity>) -> Self {
        self.links.retain(|link| *link != name);
        self.expanded.push((name, entities));
        self
    }

    fn uri(&self, root: &str) -> String {
        format!("{root}/{}({})", self.set.name, self.key)
    }

    fn json(&self, root: &str) -> Value {
        let uri = self.uri(root);
        let kind = self.set.kind();
        let mut metadata =
            json!({"id": uri, "uri": uri, "type": format!("com.sap.hci.api.{kind}")});
        if self.set.is_media() {
            metadata["content_type"] = json!("application/octet-stream");
            let file = format!("{uri}/$value");
            metadata["media_src"] = json!(file);
            metadata["edit_media"] = json!(file);
        }
        let mut fields = json!({ "__metadata": metadata });
        for (name, value) in &self.properties {
            fields[*name] = value.clone();
        }
        for name in &self.links {
            fields[*name] = json!({"__deferred": {"uri": format!("{uri}/{name}")}});
        }
        for (name, entities) in &self.expanded {
            fields[*name] = json!({ "results": all_json(entities, root) });
        }
        fields
    }

    fn xml(&self, root: &str, declarations: &str) -> String {
        let uri = escape(&self.uri(root));
        let (set, kind) = (self.set.name, self.set.kind());
        let properties = self.properties.iter();
        let properties = properties.map(|(name, value)| self.property_xml(name, value));
        let properties = format!(
            "<m:properties>{}</m:properties>",
            properties.collect::<String>()
        );
        let link = |name: &str, inline: &str| {
            format!(
                "<link href=\"{uri}/{name}\" rel=\"http://schemas.microsoft.com/ado/2007/08/dataservices/related/{name}\" \
                 title=\"{kind}\" type=\"application/atom+xml\">{inline}</link>"
            )
        };
        let links: String = self.links.iter().map(|name| link(name, "")).collect();
        let expanded = self.expanded.iter().map(|(name, entities)| {
            let entries = all_xml(entities, root);
            link(
                name,
                &format!("<m:inline><feed>{entries}</feed></m:inline>"),
            )
        });
        let expanded: String = expanded.collect();
        let content = if self.set.is_media() {
            format!(
                "<link href=\"{uri}/$value\" rel=\"edit-media\"/>\
                 <content type=\"application/octet-stream\" src=\"{uri}/$value\"/>{properties}"
            )
        } else {
            format!("<content type=\"application/xml\">{properties}</content>")
        };
        format!(
            "<entry{declarations}><id>{uri}</id><title type=\"text\">{set}</title><updated>1970-01-01T00:00:00Z</updated>\
             <category term=\"com.sap.hci.api.{kind}\" scheme=\"http://schemas.microsoft.com/ado/2007/08/dataservices/scheme\"/>\
             <link href=\"{uri}\" rel=\"edit\" title=\"{kind}\"/>{links}{expanded}{content}</entry>"
        )
    }
}

fn all_json(entities: &[Entity], root: &str) -> Vec<Value> {
    entities.iter().map(|entity| entity.json(root)).collect()
}

fn all_xml(entities: &[Entity], root: &str) -> String {
    entities.iter().map(|entity| entity.xml(root, "")).collect()
}

const DECLARATIONS: &str = " xmlns=\"http://www.w3.org/2005/Atom\" \
    xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
    xmlns:d=\"http://schemas.microsoft.com/ado/2007/08/dataservices\"";
const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// A page of entities.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub entities: Vec<Entity>,
    /// How many there are on all pages, when the caller asked.
    pub count: Option<usize>,
    /// Where the next page is.
    pub next: Option<String>,
}

/// Writes one entity.
pub fn entity_answer(status: u16, entity: &Entity, format: Format, root: &str) -> Answer {
    match format {
        Format::Json => Answer::json(status, &json!({"d": entity.json(root)})),
        Format::Atom => atom(status, "entry", &entity.xml(root, DECLARATIONS)),
    }
}

/// Writes a list.
pub fn list_answer(set: &str, page: &Page, format: Format, root: &str) -> Answer {
    match format {
        Format::Json => Answer::json(200, &json!({"d": list_json(page, root)})),
        Format::Atom => atom(200, "feed", &feed(set, page, root)),
    }
}

fn atom(status: u16, kind: &str, xml: &str) -> Answer {
    let content_type = format!("application/atom+xml;type={kind};charset=utf-8");
    Answer::typed(status, content_type, format!("{PROLOG}{xml}").into_bytes())
}

fn list_json(page: &Page, root: &str) -> Value {
    let mut list = json!({ "results": all_json(&page.entities, root) });
    if let Some(count) = page.count {
        list["__count"] = json!(count.to_string());
    }
    if let Some(next) = &page.next {
        list["__next"] = json!(next);
    }
    list
}

fn feed(set: &str, page: &Page, root: &str) -> String {
    let entries = all_xml(&page.entities, root);
    let count = page
        .count
        .map(|count| format!("<m:count>{count}</m:count>"));
    let next = page
        .next
        .as_ref()
        .map(|next| format!("<link rel=\"next\" href=\"{}\"/>", escape(next)));
    format!(
        "<feed{DECLARATIONS}><id>{root}/{}</id><title type=\"text\">{set}</title>\
         <updated>1970-01-01T00:00:00Z</updated>{}{entries}{}</feed>",
        encode(set),
        count.unwrap_or_default(),
        next.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Entity {
        super::super::model::RUNTIME.entity(&json!([
            "A&B",
            "1.0.0",
            "A",
            null,
            "somebody",
            date(1_521_463_557_739),
            "STARTED",
        ]))
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
