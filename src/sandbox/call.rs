//! One request as the entity rooms see it: address, options, body, caller, moment.

use serde_json::{Map, Value};

use super::answer::{Answer, Answered, Format, Refusal};
use super::artifact_type::ArtifactType;
use super::clock::{Seconds, TenantClock};
use super::entity::{Entity, entity_answer, list_answer};
use super::model::{ENDPOINTS, EntitySet, MESSAGES, RUNTIME};
use super::path::{Query, Segment};
use super::query::{self, Documented, USUAL};
use super::scenario::Scenarios;
use super::state::{COLLEAGUE, Stamp};

/// What does not change while a sandbox runs.
pub struct Setting {
    /// The service root, such as `http://127.0.0.1:8080/api/v1`.
    pub root: String,
    pub clock: TenantClock,
    pub scenarios: Scenarios,
}

impl Setting {
    /// Scheme, host and port, such as `http://127.0.0.1:8080`.
    pub fn host(&self) -> &str {
        let slash = self.root.match_indices('/').nth(2);
        slash.map_or(&self.root, |(at, _)| &self.root[..at])
    }
}

/// A request that was let in.
pub struct Call<'a> {
    pub method: &'a str,
    pub segments: &'a [Segment],
    pub query: &'a Query,
    /// The properties sent, or why the body cannot be read.
    pub body: Result<Map<String, Value>, Refusal>,
    pub caller: &'a str,
    pub now: Seconds,
    pub format: Format,
    pub setting: &'a Setting,
}

/// Reads a request body, before the state is locked; `{"d": {...}}` is the same as its inside.
pub fn read_body(content_type: Option<&str>, bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let malformed = Refusal::bad_request("The request body is not valid JSON.");
    let media_type = content_type.and_then(|text| text.split(';').next());
    let media_type = media_type.unwrap_or_default().trim();
    if !bytes.is_empty() && !media_type.eq_ignore_ascii_case("application/json") {
        let text = "Unsupported content type: send application/json.";
        return Err(Refusal::new(415, text));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(mut fields)) => match fields.remove("d") {
            Some(Value::Object(inner)) if fields.is_empty() => Ok(inner),
            None => Ok(fields),
            Some(_) => Err(malformed),
        },
        _ => Err(malformed),
    }
}

impl<'a> Call<'a> {
    /// What somebody does without asking over the network.
    pub fn inside(caller: &'a str, now: Seconds, setting: &'a Setting) -> Self {
        const NO_OPTIONS: &Query = &Query::NONE;
        Self {
            method: "POST",
            segments: &[],
            query: NO_OPTIONS,
            body: Ok(Map::new()),
            caller,
            now,
            format: Format::Json,
            setting,
        }
    }

    pub fn chosen(&self, scenario: &str) -> bool {
        self.setting.scenarios.has(scenario)
    }

    /// Whether a scenario is chosen for this artifact.
    pub fn is_for(&self, scenario: &str, artifact: &str) -> bool {
        self.value_for(scenario, artifact).is_some()
    }

    pub fn value(&self, scenario: &str) -> Option<&str> {
        self.setting.scenarios.value(scenario)
    }

    /// A scenario's value, if it is meant for this artifact.
    pub fn value_for(&self, scenario: &str, artifact: &str) -> Option<&str> {
        self.setting.scenarios.of_artifact(scenario, artifact)
    }

    /// The status that a scenario chooses.
    pub fn status(&self, scenario: &str, usual: u16) -> u16 {
        let chosen = self.value(scenario).and_then(|status| status.parse().ok());
        chosen.unwrap_or(usual)
    }

    /// Refuses every call of what the tenant does not have by this scenario.
    pub fn refuse_absent(&self, scenario: &str) -> Result<(), Refusal> {
        match self.value(scenario) {
            Some("404") => Err(Refusal::unknown_set(self.set_name())),
            Some("405") => Err(Refusal::not_in_plan()),
            Some(_) => Err(Refusal::not_implemented()),
            None => Ok(()),
        }
    }

    /// Milliseconds since 1970, now.
    pub fn millis(&self) -> i64 {
        self.setting.clock.millis(self.now)
    }

    pub fn stamp(&self) -> Stamp {
        Stamp {
            millis: self.millis(),
            by: self.shown_as("modified-by"),
        }
    }

    /// The name under which the tenant shows this caller, which a scenario may change for the client, not for others.
    pub fn shown_as(&self, scenario: &str) -> String {
        let chosen = self.value(scenario).filter(|_| self.caller != COLLEAGUE);
        chosen.unwrap_or(self.caller).to_owned()
    }

    /// The set or function that is called.
    pub fn set_name(&self) -> &str {
        self.segments.first().map_or("", |first| &first.name)
    }

    /// The type of artifacts that the call is about.
    pub fn kind(&self) -> Result<ArtifactType, Refusal> {
        let name = self.set_name();
        ArtifactType::named_in(name).ok_or_else(|| Refusal::unknown_set(name))
    }

    /// The key of what is called, which is one property.
    pub fn key(&self, name: &str) -> Result<&'a str, Refusal> {
        let first = self.segments.first();
        let key = first.and_then(|first| first.key.only(name));
        key.ok_or_else(|| {
            Refusal::bad_request(format!("The key of {} is {name}.", self.set_name()))
        })
    }

    pub fn has_key(&self) -> bool {
        self.segments
            .first()
            .is_some_and(|first| !first.key.is_none())
    }

    /// Refuses what is called otherwise than by POST.
    pub fn must_post(&self) -> Result<(), Refusal> {
        match self.method {
            "POST" => Ok(()),
            _ => Err(Refusal::not_implemented()),
        }
    }

    /// The body's properties, all of them known and all of them text or null.
    pub fn properties(&mut self, set: &EntitySet) -> Result<Properties, Refusal> {
        let fields = std::mem::replace(&mut self.body, Ok(Map::new()))?;
        for (name, value) in fields.iter().filter(|(name, _)| *name != "__metadata") {
            match set.takes(name, value) {
                Some(true) => {}
                Some(false) => {
                    let text = "A property in the request body has a wrong type.";
                    return Err(Refusal::bad_request(text));
                }
                None if name == "Version" => return Err(Refusal::bad_request(GENERATED)),
                None => return Err(Refusal::undefined(name)),
            }
        }
        Ok(Properties(fields))
    }

    /// A function import's quoted parameter.
    pub fn quoted(&self, name: &str) -> Result<String, Refusal> {
        let wrong = || {
            Refusal::bad_request(format!(
                "The parameter '{name}' is missing or is not a quoted string."
            ))
        };
        self.query.quoted(name).ok_or_else(wrong)
    }

    pub fn entity(&self, status: u16, entity: Entity) -> Answered {
        self.refuse_expand()?;
        let entity = query::selected(entity, self.query)?;
        let root = &self.setting.root;
        Ok(entity_answer(status, &entity, self.format, root))
    }

    /// Answers a call of a whole set: its entities, or how many there are.
    pub fn all(&self, set: &str, entities: Vec<Entity>) -> Answered {
        self.all_by(set, entities, &USUAL)
    }

    /// The same, of a set that is not filtered and sorted as most are.
    pub fn all_by(&self, set: &str, entities: Vec<Entity>, documented: &Documented) -> Answered {
        let counts = self.rest().last() == Some(&"$count");
        if self.method != "GET" {
            return Err(Refusal::not_implemented());
        }
        let mut list = query::filtered(entities, self.query, documented)?;
        if counts {
            return Ok(Answer::text(200, list.len().to_string()));
        }
        self.refuse_expand()?;
        query::sort(&mut list, self.query, documented)?;
        let address = format!("{}/{}", self.setting.root, self.address());
        let page_size = self.setting.scenarios.page_size();
        let mut page = query::page(list, self.query, (documented, page_size), &address)?;
        let usual = set != MESSAGES.name;
        if self.chosen("cut-lists") && usual && set != RUNTIME.name {
            page.next = None;
        }
        match self.value("endless-pages").filter(|_| usual) {
            Some("empty") => page.next = Some(format!("{address}?$skip=1000000")),
            Some(_) => page.next = Some(address),
            None => {}
        }
        let root = &self.setting.root;
        Ok(list_answer(set, &page, self.format, root))
    }

    /// Only service endpoints can be expanded here; a client must not believe that others were.
    fn refuse_expand(&self) -> Result<(), Refusal> {
        if self.set_name() == ENDPOINTS.name || self.query.get("$expand").is_none() {
            Ok(())
        } else {
            Err(Refusal::not_implemented())
        }
    }

    /// The path below the root, encoded again, for links to further pages.
    fn address(&self) -> String {
        let parts = self.segments.iter();
        let parts = parts.map(|segment| segment.name.clone() + &segment.key.written());
        parts.collect::<Vec<_>>().join("/")
    }

    /// The segments after the first, by name.
    pub fn rest(&self) -> Vec<&'a str> {
        let rest = self.segments.iter().skip(1);
        rest.map(|segment| segment.name.as_str()).collect()
    }
}

/// open-integration-workbench, of a create with a version.
const GENERATED: &str = "Auto generated version property must not be part of input payload.";

/// The properties of a request body.
pub struct Properties(Map<String, Value>);

impl Properties {
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a text out; large contents are not copied.
    pub fn take(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub fn take_filled(&mut self, name: &str) -> Result<String, Refusal> {
        let text = self.take(name).filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Refusal::bad_request(format!("Property '{name}' cannot be empty")))
    }
}
