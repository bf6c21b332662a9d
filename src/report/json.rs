//! JSON for programs: versioned objects with a common head, and nothing in them that a terminal or a CI system obeys.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Report;
use crate::artifact::{ArtifactKind, Digest};
use crate::deploy::outcome::{Message, Outcome, Rollback, Word};
use crate::exit::Exit;
use crate::tenant::message_logs::MessageStatus;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::RuntimeStatus;
use crate::text::is_invisible;

/// The version of all forms. It grows when a field changes its meaning or goes; new fields do not change it.
const SCHEMA: u32 = 1;

/// What is written as an object, or as a part of one.
pub(crate) trait JsonFields {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl<F: JsonFields> JsonFields for Option<F> {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|fields| fields.write(map))
    }
}

impl JsonFields for () {
    fn write<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

/// Says how facts are written: their fields by name and in order, those behind `if` only then; `..` stands for the fields of
/// a part.
macro_rules! written {
    ($($facts:ty as $it:ident { $($name:tt $(if $when:expr)? => $value:expr,)+ })+) => {$(
        impl $crate::report::json::JsonFields for $facts {
            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                let $it = self;
                $($(if $when)? { $crate::report::json::field!(map, $name, $value); })+
                Ok(())
            }
        }

        impl serde::Serialize for $facts {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $crate::report::json::JsonFields::write(self, &mut map)?;
                serde::ser::SerializeMap::end(map)
            }
        }
    )+};
}

macro_rules! field {
    ($map:ident, .., $part:expr) => {
        $crate::report::json::JsonFields::write(&$part, $map)?
    };
    ($map:ident, $name:literal, $value:expr) => {
        $map.serialize_entry($name, &$value)?
    };
}
pub(super) use {field, written};

macro_rules! written_as_shown {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
written_as_shown!(ArtifactKind Digest MessageStatus RuntimeStatus TenantTime);

/// What every object has: the head, which says what it is `about`, the facts, and what is not well.
struct VersionedObject<'a, A, F> {
    simulated: bool,
    about: A,
    exit: Exit,
    facts: &'a F,
    errors: Vec<&'a Message>,
}

/// Writes an object with the common head.
pub(super) fn object<'a>(
    simulated: bool,
    about: impl JsonFields,
    exit: Exit,
    facts: &impl JsonFields,
    errors: impl IntoIterator<Item = &'a Message>,
) -> io::Result<String> {
    pretty(&VersionedObject {
        simulated,
        about,
        exit,
        facts,
        errors: errors.into_iter().collect(),
    })
}

impl<A: JsonFields, F: JsonFields> Serialize for VersionedObject<'_, A, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        Preamble.write(&mut map)?;
        map.serialize_entry("simulated", &self.simulated)?;
        self.about.write(&mut map)?;
        map.serialize_entry("exit_code", &self.exit.code())?;
        self.facts.write(&mut map)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        map.end()
    }
}

/// The version of the form, and of the program.
pub(super) struct Preamble;

/// The tenant that an object is about.
pub(super) struct TenantFields<'a> {
    pub(super) tenant: Option<&'a str>,
    pub(super) source: Option<&'a str>,
}

/// What an artifact is called, and how it ended.
pub(super) struct ArtifactHead<'a>(pub(super) &'a Outcome);

/// What was deployed, by which task.
pub(super) struct DeployedContent<'a>(pub(super) &'a Outcome);

/// What the verdict rests on.
pub(super) struct ArtifactGround<'a>(pub(super) &'a Outcome);

written! {
    Preamble as _it {
        "schema" => SCHEMA,
        "flowship" => env!("CARGO_PKG_VERSION"),
    }

    TenantFields<'_> as it {
        "tenant" => it.tenant,
        "source" if it.source.is_some() => it.source,
    }

    ArtifactHead<'_> as it {
        "id" => it.0.id,
        "type" => it.0.kind,
        "package" => it.0.package,
        "verdict" => it.0.verdict.word.name(),
        "exit_code" => it.0.verdict.exit.code(),
    }

    DeployedContent<'_> as it {
        "content_sha256" => it.0.content_sha256,
        "zip_sha256" => it.0.zip_sha256,
        "task" => it.0.task,
    }

    ArtifactGround<'_> as it {
        "seconds" => (it.0.took.as_secs_f64() * 1000.0).round() / 1000.0,
        "evidence" => it.0.verdict.evidence,
    }

    Outcome as it {
        .. => ArtifactHead(it),
        "designtime_version" => it.designtime_version,
        "runtime_version" => it.runtime_version,
        .. => DeployedContent(it),
        .. => ArtifactGround(it),
        "notes" if !it.notes.is_empty() => it.notes,
        "rollback" if it.rollback.is_some() => it.rollback,
        .. => it.verdict.message,
    }

    Rollback as it {
        "result" => it.result.name(),
        "verdict" if it.verdict.is_some() => it.verdict.map(Word::name),
        "evidence" => it.evidence,
        "message" => it.message,
        "saved" if it.saved.is_some() => it.saved,
        "repair" if it.repair.is_some() => it.repair,
    }

    // one text that holds what happened and why, and the parts of it
    Message as it {
        "message" => it.sentence(),
        "at" if it.at.is_some() => it.at,
        "causes" if !it.reasons().is_empty() => it.reasons(),
        "hint" if it.hint.is_some() => it.hint,
    }

    Report as it {
        "artifacts" => it.artifacts,
    }
}

/// The artifacts alone, as a compact array.
pub fn artifacts(report: &Report) -> String {
    compact(&report.artifacts).unwrap_or_default()
}

/// JSON on several lines, for people's eyes too; [`disarmed`].
pub(crate) fn pretty(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    Ok(disarmed(text))
}

/// JSON on one line; [`disarmed`].
fn compact(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value).map_err(io::Error::other)?;
    Ok(disarmed(text))
}

/// Characters that JSON allows in a text, and a terminal obeys, are escaped; so is the second of two `#`, with which
/// commands of Azure Pipelines begin anywhere in a line. Outside of texts JSON has neither.
fn disarmed(text: String) -> String {
    if !text.contains("##") && !text.chars().any(steers) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("##", "#\\u0023").chars() {
        if steers(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// DEL, the second set of control characters, and what is not seen but changes how a line is shown.
fn steers(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}') || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_read_back_the_same() {
        let text = "a\u{9b}2J\u{9d}b\u{7f}\u{202e}c\u{2028}ä\n";
        let written = pretty(&text).unwrap();
        assert_eq!(written, r#""a\u009b2J\u009db\u007f\u202ec\u2028ä\n""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn no_command_of_a_ci_system_stands_in_json_and_it_is_read_back_the_same() {
        for text in [
            "##vso[task.x]1",
            "a ##[error]b",
            "###[x] ####vso[y]",
            "\u{200f}",
        ] {
            let value = std::collections::BTreeMap::from([(text, text)]);
            for written in [pretty(&value).unwrap(), compact(&value).unwrap()] {
                assert!(!written.contains("##"), "{written}");
                assert!(!written.contains('\u{200f}'), "{written}");
                let read: serde_json::Value = serde_json::from_str(&written).unwrap();
                assert_eq!(read[text], text);
            }
        }
    }
}
