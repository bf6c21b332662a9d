//! What may stand in `flowship.yaml`, as types: for the reader, and in tests for the schema that editors use, in which what
//! is written at the keys here is shown.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use super::DeployRule;
use crate::artifact::id;
use crate::settings::address::TenantUrl;
use crate::settings::parameters::{CREDENTIAL_NAMES, is_variable_name};
use crate::settings::yaml::{Entries, Optional, Placed, quoted, refused};

/// What flowship deploys, and what differs between environments.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SettingsFormat {
    /// The version of this format; 1 when it is left out.
    pub version: Optional<Text<Version>>,
    /// The integration packages and their artifacts.
    pub packages: Optional<Filled<PackageEntry>>,
    /// The environments by name, as in `--environment qa`: which tenant, and what differs there.
    pub environments: Optional<Entries<Text<EnvironmentName>, Option<EnvironmentEntry>>>,
    /// The same as the key of an environment, for runs without --environment.
    pub parameters_file: Optional<Text<FilePath>>,
    /// `required`: with --rollback, an artifact is refused whose running content could not be put back. Left out, it is
    /// deployed with a warning.
    pub rollback: Optional<RollbackRule>,
}

/// Whether what can't be put back may be overwritten.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RollbackRule {
    /// Only where it can be put back.
    Required,
}

/// An integration package.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PackageEntry {
    /// The id of the package. It is created when the tenant has none; an existing one is never written.
    pub id: Placed<Text<Id>>,
    /// The name of the package when it is created; its id when left out.
    #[serde(default)]
    pub name: Optional<Text<Words>>,
    /// The short text of the package when it is created.
    #[serde(default)]
    pub short_text: Optional<Text<Words>>,
    /// The artifacts: a path, or an object that says more. A path is relative to this file and leads to the directory of an
    /// artifact, a zip exported from a tenant, or a directory that holds several artifacts.
    pub artifacts: Filled<Placed<PathOrArtifact>>,
}

/// An entry of `artifacts`.
#[derive(Debug)]
pub struct PathOrArtifact(pub ArtifactEntry);

/// An artifact, or a directory of several.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArtifactEntry {
    /// The directory, zip, or directory of several artifacts, relative to this file.
    pub path: Text<FilePath>,
    /// The id on the tenant instead of the manifest's; for one artifact only.
    #[serde(default)]
    pub id: Optional<Text<Id>>,
    /// The name on the tenant instead of the manifest's; for one artifact only.
    #[serde(default)]
    pub name: Optional<Text<Words>>,
    /// When to deploy: `changed` (the default), `always` though nothing changed, or `never`: upload and configure only.
    #[serde(default)]
    pub deploy: Optional<DeployRule>,
    /// Externalized parameters in every environment; for one artifact only. ${env:NAME} is replaced by the variable NAME.
    #[serde(default)]
    pub parameters: Optional<Parameters>,
}

/// Keys of parameters and their values.
pub type Parameters = Entries<Text<ParameterKey>, Placed<Text<Value>>>;

/// An environment: a tenant, or copies of the artifacts on a tenant that several environments share.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EnvironmentEntry {
    /// The beginning of the names of the variables that hold the credentials: PROD_CPI for PROD_CPI_SERVICE_KEY. No others are
    /// looked at. CPI when left out.
    pub credentials: Optional<Text<Prefix>>,
    /// The host of the tenant. Credentials for another one are refused before a token is asked for.
    pub host: Optional<Text<HostName>>,
    /// Put before the id of every artifact.
    pub id_prefix: Optional<Text<Id>>,
    /// Put behind the id of every artifact: copies for one of several stages on one tenant.
    pub id_suffix: Optional<Text<Id>>,
    /// Put before the name of every artifact.
    pub name_prefix: Optional<Text<Words>>,
    /// Put behind the name of every artifact.
    pub name_suffix: Optional<Text<Words>>,
    /// Put before the id of every package.
    pub package_prefix: Optional<Text<Id>>,
    /// Put behind the id of every package. Without it copies stand in the package of the originals; with it, the name of a
    /// package that is created gets name-prefix and name-suffix too.
    pub package_suffix: Optional<Text<Id>>,
    /// Deploy copies although they share a sender address, queue, folder or store with their original; false when left out.
    pub allow_shared_addresses: Optional<bool>,
    /// When to deploy artifacts that do not say it themselves. `never` holds for all artifacts.
    pub deploy: Optional<DeployRule>,
    /// A file of parameters for each artifact that has one: {artifact} at the beginning stands for the directory of the
    /// artifact, {id} for its id. Else relative to this file.
    pub parameters_file: Optional<Text<FilePath>>,
    /// Externalized parameters by the id of the artifact, without prefix and suffix. ${env:NAME} is replaced by the variable
    /// NAME.
    pub parameters: Optional<Entries<Text<Id>, Parameters>>,
}

/// A list with at least one entry.
#[derive(Debug)]
pub struct Filled<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Filled<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::deserialize(deserializer)?;
        if entries.is_empty() {
            return Err(refused(
                "this list is empty",
                "give an entry, or remove the key",
            ));
        }
        Ok(Self(entries))
    }
}

impl<'de> Deserialize<'de> for PathOrArtifact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathOrArtifactVisitor)
    }
}

struct PathOrArtifactVisitor;

impl<'de> Visitor<'de> for PathOrArtifactVisitor {
    type Value = PathOrArtifact;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a path, in quotes where it is a number, or a mapping with `path`")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<Self::Value, E> {
        let entries = MapDeserializer::new([("path", path)].into_iter());
        ArtifactEntry::deserialize(entries).map(PathOrArtifact)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ArtifactEntry::deserialize(MapAccessDeserializer::new(map)).map(PathOrArtifact)
    }
}

/// A text of a form, number and truth value included, as it was written.
#[derive(Debug)]
pub struct Text<F>(pub String, PhantomData<F>);

/// What a text must look like.
pub struct TextRule {
    /// What a text of the form is, for messages.
    wanted: &'static str,
    /// Credentials may have been pasted here: messages do not repeat the text.
    hidden: bool,
    /// Whether a text has the form.
    pub accepts: fn(&str) -> bool,
    /// What else is wrong with a text, and what to do.
    refuses: fn(&str) -> Option<(String, String)>,
}

/// The type of a text.
pub trait TextForm {
    const RULE: TextRule;
}

impl<F: TextForm> Text<F> {
    fn of<E: de::Error>(text: String) -> Result<Self, E> {
        let rule = F::RULE;
        if let Some((what, hint)) = (rule.refuses)(&text) {
            return Err(refused(&what, &hint));
        }
        if (rule.accepts)(&text) {
            return Ok(Self(text, PhantomData));
        }
        let wanted = rule.wanted;
        let what = match text.as_str() {
            "" => "this is empty".to_owned(),
            _ if rule.hidden => format!("this is no {wanted}"),
            text => format!("`{}` is no {wanted}", quoted(text)),
        };
        Err(refused(&what, &format!("write a {wanted}")))
    }
}

impl<'de, F: TextForm> Deserialize<'de> for Text<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(String::deserialize(deserializer)?)
    }
}

/// The forms: what a text of each is, for messages, which may repeat it or not; whether a text has the form; what else is
/// wrong with one, and what to do.
macro_rules! forms {
    ($($(#[$docs:meta])* $name:ident: $wanted:literal, $hidden:literal, $accepts:expr, $refuses:expr;)*) => {$(
        $(#[$docs])*
        #[derive(Debug)]
        pub struct $name;

        impl TextForm for $name {
            const RULE: TextRule = TextRule {
                wanted: $wanted,
                hidden: $hidden,
                accepts: $accepts,
                refuses: $refuses,
            };
        }
    )*};
}

forms! {
    /// The number of the format.
    Version: "version of the format", false, is_version, other_version;
    /// Not empty, on one line.
    Words: "text on one line", false, is_one_line, no_variable;
    /// Not empty, without blanks: ids, and what is put before or behind them. Which characters a tenant takes is its business.
    Id: "text without blanks", false, is_solid, no_id;
    /// The name of an environment.
    EnvironmentName: "name of letters, digits, `-` and `_`", false, is_environment_name, nothing;
    /// The beginning of names of variables.
    Prefix: "beginning of names of variables: letters, digits and `_`", true, is_variable_name, whole_name;
    /// A path relative to the file.
    FilePath: "path relative to this file, written with `/`", false, is_relative_path, no_variable;
    /// A host, or the address of a tenant.
    HostName: "host, such as dev.it-cpi001.cfapps.eu10.hana.ondemand.com", true, is_host, no_variable;
    /// The key of a parameter.
    ParameterKey: "key of a parameter", false, is_filled, nothing;
    /// The value of a parameter; may be empty.
    Value: "text", false, |_| true, nothing;
}

fn nothing(_text: &str) -> Option<(String, String)> {
    None
}

fn is_filled(text: &str) -> bool {
    !text.is_empty()
}

fn is_one_line(text: &str) -> bool {
    is_filled(text) && !text.contains(['\r', '\n'])
}

// a byte order mark is a blank in the regular expressions of editors
fn is_solid(text: &str) -> bool {
    is_filled(text) && !text.contains(|c: char| c.is_whitespace() || c == '\u{feff}')
}

fn is_version(text: &str) -> bool {
    text == "1"
}

fn is_environment_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    is_filled(text) && text.chars().all(legal)
}

fn is_relative_path(text: &str) -> bool {
    is_one_line(text) && !text.starts_with(['/', '~']) && !text.contains(['\\', ':'])
}

fn is_host(text: &str) -> bool {
    is_solid(text) && TenantUrl::parse(text).is_ok()
}

fn other_version(text: &str) -> Option<(String, String)> {
    let hint = "this flowship reads version 1: remove the line, or use a newer flowship";
    let what = format!("this is version `{}` of the format", quoted(text));
    (!is_version(text)).then(|| (what, hint.to_owned()))
}

/// A variable where none is replaced.
fn no_variable(text: &str) -> Option<(String, String)> {
    let what = "`${env:` is replaced in values of parameters only";
    let found = text.contains("${env:");
    found.then(|| (what.to_owned(), "write the value itself".to_owned()))
}

fn no_id(text: &str) -> Option<(String, String)> {
    no_variable(text).or_else(|| {
        let what = format!("this can be no id: {}", id::fault(text)?);
        Some((what, format!("write a {}", Id::RULE.wanted)))
    })
}

/// The name of one variable where the beginning of all of them is wanted.
fn whole_name(text: &str) -> Option<(String, String)> {
    let ends = CREDENTIAL_NAMES.iter();
    let prefixes = ends.filter_map(|end| text.strip_suffix(end)?.strip_suffix('_'));
    // of P_TOKEN_URL both P and P_TOKEN are left
    let prefix = prefixes.min_by_key(|prefix| prefix.len());
    let prefix = prefix.filter(|prefix| is_variable_name(prefix))?;
    Some((
        "this is the whole name of a variable".to_owned(),
        format!("write what the names of the variables begin with: {prefix}"),
    ))
}
