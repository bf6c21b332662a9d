//! One request as the entity rooms see it: address, options, body, caller, moment.

use serde_json::{Map, Value};

use super::answer::{Answer, Format, Refusal};
use super::clock::{Seconds, TenantClock};
use super::entity::{Entity, entity_answer, list_answer};
use super::path::{Query, Segment};
use super::query;
use super::scenario::Scenarios;
use super::state::{COLLEAGUE, Stamp};

/// What does not change while a sandbox runs.
pub(super) struct Setting {
    /// The service root, such as `http://127.0.0.1:8080/api/v1`.
    pub(super) root: String,
    pub(super) clock: TenantClock,
    pub(super) scenarios: Scenarios,
}

impl Setting {
    /// Scheme, host and port, such as `http://127.0.0.1:8080`.
    pub(super) fn host(&self) -> &str {
        let slash = self.root.match_indices('/').nth(2);
        slash.map_or(&self.root, |(at, _)| &self.root[..at])
    }
}

/// A request that was let in.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) segments: &'a [Segment],
    pub(super) query: &'a Query,
    pub(super) body: Body,
    pub(super) caller: &'a str,
    pub(super) now: Seconds,
    pub(super) format: Format,
    pub(super) setting: &'a Setting,
}

/// A request body, read before the state is locked.
pub(super) enum Body {
    Empty,
    Json(Map<String, Value>),
    Malformed,
    OtherType,
}

impl Body {
    /// Reads a body; `{"d": {...}}` is the same as its inside.
    pub(super) fn read(content_type: Option<&str>, bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Body::Empty;
        }
        let media_type = content_type
            .and_then(|text| text.split(';').next())
            .unwrap_or_default()
            .trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Body::OtherType;
        }
        let parsed = serde_json::from_slice(&bytes);
        drop(bytes);
        match parsed {
            Ok(Value::Object(mut fields)) => match fields.remove("d") {
                Some(Value::Object(inner)) if fields.is_empty() => Body::Json(inner),
                None => Body::Json(fields),
                Some(_) => Body::Malformed,
            },
            _ => Body::Malformed,
        }
    }
}

impl Call<'_> {
    pub(super) fn chosen(&self, scenario: &str) -> bool {
        self.setting.scenarios.has(scenario)
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            millis: self.setting.clock.millis(self.now),
            by: self.shown_as("modified-by"),
        }
    }

    /// The name under which the tenant shows this caller, which a scenario may change for the client, not for others.
    pub(super) fn shown_as(&self, scenario: &str) -> String {
        let name = match self.setting.scenarios.value(scenario) {
            Some(name) if self.caller != COLLEAGUE => name,
            _ => self.caller,
        };
        name.to_owned()
    }

    /// The body's properties, all of them known and all of them text or null.
    pub(super) fn properties(&mut self, known: &[&str]) -> Result<Properties, Refusal> {
        let fields = match std::mem::replace(&mut self.body, Body::Empty) {
            Body::Json(fields) => fields,
            Body::OtherType => {
                return Err(Refusal::new(
                    415,
                    "Unsupported content type: send application/json.",
                ));
            }
            Body::Empty | Body::Malformed => {
                return Err(Refusal::bad_request("The request body is not valid JSON."));
            }
        };
        let unknown = fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()) && name.as_str() != "__metadata");
        if let Some((name, _)) = unknown {
            return Err(Refusal::bad_request(format!(
                "The property '{name}' is not defined for this entity type."
            )));
        }
        if fields
            .iter()
            .any(|(name, value)| name != "__metadata" && !value.is_string() && !value.is_null())
        {
            return Err(Refusal::bad_request(
                "A property in the request body has a wrong type.",
            ));
        }
        Ok(Properties(fields))
    }

    /// A function import's quoted parameter.
    pub(super) fn quoted(&self, name: &str) -> Result<String, Refusal> {
        let wrong = || {
            Refusal::bad_request(format!(
                "The parameter '{name}' is missing or is not a quoted string."
            ))
        };
        self.query.quoted(name).ok_or_else(wrong)
    }

    pub(super) fn entity(&self, status: u16, entity: Entity) -> Result<Answer, Refusal> {
        self.refuse_expand()?;
        let entity = query::selected(entity, self.query)?;
        Ok(entity_answer(
            status,
            &entity,
            self.format,
            &self.setting.root,
        ))
    }

    /// A list that is filtered and sorted already.
    pub(super) fn sorted_list(&self, name: &str, entities: Vec<Entity>) -> Result<Answer, Refusal> {
        self.refuse_expand()?;
        let address = format!("{}/{}", self.setting.root, self.address());
        let page_size = self.setting.scenarios.page_size();
        let page = query::page_of(entities, self.query, page_size, &address)?;
        Ok(list_answer(name, &page, self.format, &self.setting.root))
    }

    pub(super) fn list(&self, name: &str, entities: Vec<Entity>) -> Result<Answer, Refusal> {
        self.refuse_expand()?;
        let address = format!("{}/{}", self.setting.root, self.address());
        let scenarios = &self.setting.scenarios;
        let mut page = query::page(entities, self.query, scenarios.page_size(), &address)?;
        let at_run_time = self
            .segments
            .first()
            .is_some_and(|first| first.name == "IntegrationRuntimeArtifacts");
        if scenarios.has("cut-lists") && !at_run_time {
            page.next = None;
        }
        match scenarios.value("endless-pages") {
            Some("empty") => page.next = Some(format!("{address}?$skip=1000000")),
            Some(_) => page.next = Some(address),
            None => {}
        }
        Ok(list_answer(name, &page, self.format, &self.setting.root))
    }

    /// Only service endpoints can be expanded here; a client must not believe that others were.
    fn refuse_expand(&self) -> Result<(), Refusal> {
        let endpoints = self
            .segments
            .first()
            .is_some_and(|first| first.name == "ServiceEndpoints");
        if endpoints || self.query.get("$expand").is_none() {
            Ok(())
        } else {
            Err(Refusal::not_implemented())
        }
    }

    pub(super) fn count(&self, entities: Vec<Entity>) -> Result<Answer, Refusal> {
        query::count(entities, self.query).map(|count| Answer::text(200, count.to_string()))
    }

    /// The path below the root, encoded again, for links to further pages.
    fn address(&self) -> String {
        let parts = self.segments.iter().map(|segment| match &segment.key {
            super::path::Key::None => segment.name.clone(),
            super::path::Key::Single(key) => {
                format!("{}({})", segment.name, super::path::key_literal(key))
            }
            super::path::Key::Named(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(name, key)| format!("{name}={}", super::path::key_literal(key)))
                    .collect();
                format!("{}({})", segment.name, pairs.join(","))
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The segments after the first, by name.
    pub(super) fn rest(&self) -> Vec<&str> {
        self.segments
            .iter()
            .skip(1)
            .map(|segment| segment.name.as_str())
            .collect()
    }
}

/// The properties of a request body.
pub(super) struct Properties(Map<String, Value>);

impl Properties {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a text out; large contents are not copied.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn take_filled(&mut self, name: &str) -> Result<String, Refusal> {
        let text = self.take(name).filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Refusal::bad_request(format!("Property '{name}' cannot be empty")))
    }
}
