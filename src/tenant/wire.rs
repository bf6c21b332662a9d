//! The entities of the API, exactly the fields that are read, and what their statuses mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::odata::TenantTime;
use crate::text::{SafeText, disarm};

/// The id of an artifact: unique in the tenant, not in its package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(pub String);

/// The id of an integration package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(pub String);

/// The id of a deploy task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskId(pub String);

macro_rules! shown_as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&disarm(&self.0))
            }
        }
    )*};
}
shown_as_text!(ArtifactId PackageId TaskId);

/// An integration package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IntegrationPackage {
    /// Its id.
    pub id: SafeText,
    /// Its name for people.
    #[serde(default)]
    pub name: SafeText,
    /// `EDIT_ALLOWED` or `READ_ONLY`.
    #[serde(default)]
    pub mode: SafeText,
    /// Its version, which people write.
    #[serde(default)]
    pub version: SafeText,
    /// Who made it.
    #[serde(default)]
    pub vendor: SafeText,
    /// What it is for, in a line.
    #[serde(default)]
    pub short_text: SafeText,
    /// When it was last changed, in epoch milliseconds as text.
    #[serde(rename = "ModifiedDate", default, deserialize_with = "date")]
    pub modified: Option<TenantTime>,
    /// Who changed it.
    #[serde(default)]
    pub modified_by: SafeText,
    /// Its other properties; lists of tags come as a text in brackets.
    #[serde(flatten)]
    others: BTreeMap<String, SafeText>,
}

/// What describes a package beside its id, by the names of its properties: what a creation may bear.
pub type Description = BTreeMap<&'static str, String>;

/// The properties of a package that a client may write (cpi-api.md §3), but for its id.
pub const DESCRIBING: [&str; 11] = [
    "Name",
    "ShortText",
    "Description",
    "Version",
    "Vendor",
    "SupportedPlatform",
    "Products",
    "Keywords",
    "Countries",
    "Industries",
    "LineOfBusiness",
];

impl IntegrationPackage {
    /// What describes it, as it comes.
    pub fn description(&self) -> Description {
        let value = |property| match property {
            "Name" => Some(&self.name),
            "ShortText" => Some(&self.short_text),
            "Version" => Some(&self.version),
            "Vendor" => Some(&self.vendor),
            other => self.others.get(other),
        };
        let text = |property| value(property).cloned().unwrap_or_default().into();
        DESCRIBING.map(|property| (property, text(property))).into()
    }

    /// Whether only parameters may be changed: content copied from Discover, configure-only.
    pub fn read_only(&self) -> bool {
        self.mode.eq_ignore_ascii_case("READ_ONLY")
    }
}

/// A design-time artifact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesigntimeArtifact {
    /// Its id.
    pub id: SafeText,
    /// Its name.
    #[serde(default)]
    pub name: SafeText,
    /// A number, or a word for a draft, saved in the web UI without "Save as version": `Active` or `Draft`.
    #[serde(default)]
    pub version: SafeText,
    /// The package it lives in.
    #[serde(default)]
    pub package_id: SafeText,
    /// When it was last saved; older tenants do not say.
    #[serde(default)]
    modified_at: Value,
    /// Who saved it; older tenants do not say.
    #[serde(default)]
    pub modified_by: SafeText,
}

impl DesigntimeArtifact {
    /// Whether this is a draft: its version is shown as a word, which is not the same on every tenant. (cpi-api.md §16.1)
    pub fn is_draft(&self) -> bool {
        !self.version.trim().is_empty() && !is_number(&self.version)
    }

    /// Its version, unless it is a draft.
    pub fn number(&self) -> Option<&str> {
        (!self.is_draft()).then_some(self.version.as_str())
    }

    /// Its version for people.
    pub fn shown_version(&self) -> String {
        if self.is_draft() {
            "draft".to_owned()
        } else {
            self.version.to_string()
        }
    }

    /// ` of` who saved it, where the tenant says.
    pub fn of_whom(&self) -> String {
        match self.modified_by.as_str() {
            "" => String::new(),
            _ => format!(" of {}", self.modified_by),
        }
    }

    /// When it was last saved, `None` when the tenant does not say or writes a date that can't be read.
    pub fn modified_at(&self) -> Option<TenantTime> {
        TenantTime::from_json(&self.modified_at)
    }

    /// What changes when anybody saves: version and date, the date as the tenant wrote it.
    pub fn stamp(&self) -> Stamp {
        let saved = match &self.modified_at {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            value => Some(value.to_string()),
        };
        Stamp {
            version: self.version.clone().into(),
            saved,
        }
    }
}

/// Whether a version is a number: digits, and dots between them.
pub fn is_number(version: &str) -> bool {
    version
        .trim()
        .split('.')
        .all(|place| !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The marks that a save leaves on a design-time artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The version.
    pub version: String,
    /// `ModifiedAt` as written, `None` on tenants that have none.
    pub saved: Option<String>,
}

/// One externalized parameter of an integration flow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Configuration {
    /// The key.
    #[serde(rename = "ParameterKey", deserialize_with = "text")]
    pub key: String,
    /// The configured value.
    #[serde(rename = "ParameterValue", default, deserialize_with = "text")]
    pub value: String,
    /// `xsd:string`, `custom:schedule`, ...; sent back as it came.
    #[serde(rename = "DataType", default, deserialize_with = "text")]
    pub data_type: String,
}

/// A deployed artifact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuntimeArtifact {
    /// The version that was deployed.
    #[serde(default)]
    pub version: SafeText,
    /// Whether it runs.
    pub status: RuntimeStatus,
    /// When it was deployed, by the tenant's clock: the only witness of freshness.
    #[serde(default, deserialize_with = "date")]
    pub deployed_on: Option<TenantTime>,
    /// Who deployed it, as far as the tenant says.
    #[serde(default)]
    pub deployed_by: SafeText,
    /// Its type in the runtime's words: `INTEGRATION_FLOW`.
    #[serde(rename = "Type", default)]
    pub kind: SafeText,
}

impl RuntimeArtifact {
    /// Whether the design time of this API has no set for its type, so that it shows nothing of it. (cpi-api.md §16.2)
    pub fn has_no_design_set(&self) -> bool {
        let unshown = [
            "REST_API_PROVIDER",
            "IMPORTED_ARCHIVES",
            "FUNCTION_LIBRARIES",
        ];
        unshown.contains(&self.kind.as_str())
    }
}

/// A status in the words that are documented; any other is kept, and never a success.
macro_rules! statuses {
    (
        $(#[$about:meta])*
        pub enum $enum:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[$what])* $variant,)+
            /// Any other text: keep looking, never a success.
            Other($crate::text::SafeText),
        }

        impl $enum {
            /// Reads a status, in any case.
            pub fn parse(text: &str) -> Self {
                match text.trim().to_ascii_uppercase().as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(text.trim().into()),
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($word),)+
                    Self::Other(text) => text.fmt(f),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::SafeText::deserialize(deserializer).map(|text| Self::parse(&text))
            }
        }
    };
}
pub(super) use statuses;

statuses! {
    /// The status of a deployed artifact. STARTED and ERROR are documented as final.
    pub enum RuntimeStatus {
        /// On its way up.
        Starting = "STARTING",
        /// It runs.
        Started = "STARTED",
        /// On its way down.
        Stopping = "STOPPING",
        /// It does not run.
        Stopped = "STOPPED",
        /// It failed.
        Error = "ERROR",
    }
}

impl RuntimeStatus {
    /// Whether something is still going on, or may be.
    pub fn in_motion(&self) -> bool {
        matches!(self, Self::Starting | Self::Stopping | Self::Other(_))
    }
}

/// The status of a deploy task. SUCCESS means built and distributed, not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildStatus {
    /// DEPLOYING.
    Deploying,
    /// SUCCESS, also written `Success`.
    Success,
    /// FAIL, `FAIL_ON_LICENSE_ERROR` and whatever else begins so.
    Fail(SafeText),
    /// Any other text: keep asking, never a success.
    Other(SafeText),
}

impl BuildStatus {
    /// Reads a status, in any case.
    pub fn parse(text: &str) -> Self {
        let upper = text.trim().to_ascii_uppercase();
        match upper.as_str() {
            "DEPLOYING" => Self::Deploying,
            "SUCCESS" => Self::Success,
            fail if fail.starts_with("FAIL") => Self::Fail(upper.as_str().into()),
            _ => Self::Other(text.trim().into()),
        }
    }

    /// Whether the build has ended badly.
    pub fn failed(&self) -> bool {
        matches!(self, Self::Fail(_))
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deploying => "DEPLOYING",
            Self::Success => "SUCCESS",
            Self::Fail(text) | Self::Other(text) => return text.fmt(f),
        })
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    SafeText::deserialize(deserializer).map(String::from)
}

pub(super) fn date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TenantTime>, D::Error> {
    Ok(TenantTime::from_json(&Value::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_in_any_case_and_unknown_ones_stay_unknown() {
        assert_eq!(BuildStatus::parse("Success"), BuildStatus::Success);
        assert_eq!(BuildStatus::parse(" deploying\n"), BuildStatus::Deploying);
        assert!(BuildStatus::parse("FAIL_ON_LICENSE_ERROR").failed());
        assert_eq!(
            BuildStatus::parse("SUCCESSFUL"),
            BuildStatus::Other("SUCCESSFUL".into())
        );
        assert_eq!(RuntimeStatus::parse("Started"), RuntimeStatus::Started);
        assert!(RuntimeStatus::parse("PAUSED").in_motion());
    }

    #[test]
    fn a_version_that_is_no_number_is_a_draft() {
        for (version, draft) in [
            ("1.0.0", false),
            ("7", false),
            ("1.0.0.201711", false),
            (" 1.0.1 ", false),
            // nothing is said about it
            ("", false),
            ("Active", true),
            ("active", true),
            ("Draft", true),
            ("DRAFT", true),
            ("Entwurf", true),
            ("1.0.x", true),
            ("1..0", true),
        ] {
            let json = format!(r#"{{"Id":"a","Version":"{version}"}}"#);
            let artifact: DesigntimeArtifact = serde_json::from_str(&json).unwrap();
            assert_eq!(artifact.is_draft(), draft, "{version:?}");
        }
    }

    #[test]
    fn a_stamp_without_a_date_says_so() {
        let read =
            |json: &str| serde_json::from_str::<DesigntimeArtifact>(json).map(|a| a.stamp().saved);
        assert_eq!(read(r#"{"Id":"a","ModifiedAt":""}"#).unwrap(), None);
        assert_eq!(read(r#"{"Id":"a","ModifiedAt":null}"#).unwrap(), None);
        assert_eq!(read(r#"{"Id":"a"}"#).unwrap(), None);
        assert_eq!(
            read(r#"{"Id":"a","ModifiedAt":5}"#).unwrap(),
            Some("5".into())
        );
    }
}
