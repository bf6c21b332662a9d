//! What may stand in `flowship.yaml`: one table for the reader and for the schema that editors use.

use crate::artifact::id;
use crate::settings::address::TenantUrl;
use crate::settings::parameters::{CREDENTIAL_NAMES, is_variable_name};
use crate::settings::yaml::{Entry, Fault, Node, Place, Value, quoted};
use crate::text::nearest;

/// A mapping whose keys are given.
pub(super) struct Table {
    /// What has these keys, for messages: `an artifact`.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) says: &'static str,
    pub(super) keys: &'static [Key],
}

/// A key of a table.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it means, for people in their editor.
    pub(super) says: &'static str,
    pub(super) required: bool,
    pub(super) kind: Kind,
}

/// What may stand at a key.
pub(super) enum Kind {
    /// The number of the format.
    Version,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text of this form.
    Text(Form),
    /// The value of a parameter: a text, number or truth value, taken as it was written; may be empty.
    Parameter,
    /// A list with at least one entry.
    List(&'static Kind),
    /// A mapping with given keys.
    Table(&'static Table),
    /// A path, or a table that says more.
    PathOr(&'static Table),
    /// A mapping whose keys the user chooses.
    Map {
        /// What its keys are, for messages.
        of: &'static str,
        form: Form,
        values: &'static Kind,
    },
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Not empty, on one line.
    Words,
    /// Not empty, without blanks: ids, and what is put before or behind them. Which characters a tenant takes is its business.
    Id,
    /// The name of an environment.
    EnvironmentName,
    /// The beginning of names of variables.
    Prefix,
    /// A path relative to the file.
    Path,
    /// A host, or the address of a tenant.
    Host,
    /// The key of a parameter.
    ParameterKey,
}

impl Form {
    /// The form as a regular expression of JSON schemas. What the reader takes matches it.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Words => r"^[^\r\n]+$",
            Self::Id => r"^[^\s]+$",
            Self::EnvironmentName => "^[A-Za-z0-9_-]+$",
            Self::Prefix => "^[A-Za-z_][A-Za-z0-9_]*$",
            Self::Path => r"^[^/\\~:\r\n][^\\:\r\n]*$",
            Self::Host => r"^[^\s]+$",
            Self::ParameterKey => r"^[\s\S]+$",
        }
    }

    /// Whether a text has the form.
    pub(super) fn accepts(self, text: &str) -> bool {
        let one_line = !text.contains(['\r', '\n']);
        match self {
            Self::Words => !text.is_empty() && one_line,
            // a byte order mark is a blank in the regular expressions of editors
            Self::Id => {
                !text.is_empty()
                    && !text.contains(char::is_whitespace)
                    && !text.contains('\u{feff}')
            }
            Self::EnvironmentName => {
                let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                !text.is_empty() && text.chars().all(legal)
            }
            Self::Prefix => is_variable_name(text),
            Self::Path => {
                !text.is_empty()
                    && one_line
                    && !text.starts_with(['/', '~'])
                    && !text.contains(['\\', ':'])
            }
            Self::Host => Self::Id.accepts(text) && TenantUrl::parse(text).is_ok(),
            Self::ParameterKey => !text.is_empty(),
        }
    }

    /// What a text of the form is, for messages.
    fn describe(self) -> &'static str {
        match self {
            Self::Words => "text on one line",
            Self::Id => "text without blanks",
            Self::EnvironmentName => "name of letters, digits, `-` and `_`",
            Self::Prefix => "beginning of names of variables: letters, digits and `_`",
            Self::Path => "path relative to this file, written with `/`",
            Self::Host => "host, such as dev.it-cpi001.cfapps.eu10.hana.ondemand.com",
            Self::ParameterKey => "key of a parameter",
        }
    }
}

/// The words of `deploy:`, as [`super::DeployRule`] reads them.
pub(super) const DEPLOY: [&str; 3] = ["always", "changed", "never"];

const fn optional(name: &'static str, kind: Kind, says: &'static str) -> Key {
    Key {
        name,
        says,
        required: false,
        kind,
    }
}

const fn required(name: &'static str, kind: Kind, says: &'static str) -> Key {
    Key {
        name,
        says,
        required: true,
        kind,
    }
}

/// What to do about a key without a value.
const NO_VALUE: &str = "give it one, or remove the key";

/// Keys of parameters and their values.
const PARAMETERS: Kind = Kind::Map {
    of: "parameter",
    form: Form::ParameterKey,
    values: &Kind::Parameter,
};

/// The file.
pub(super) static FILE: Table = Table {
    name: "the file",
    says: "What flowship deploys, and what differs between environments.",
    keys: &[
        optional(
            "version",
            Kind::Version,
            "The version of this format; 1 when it is left out.",
        ),
        optional(
            "packages",
            Kind::List(&Kind::Table(&PACKAGE)),
            "The integration packages and their artifacts.",
        ),
        optional(
            "environments",
            Kind::Map {
                of: "environment",
                form: Form::EnvironmentName,
                values: &Kind::Table(&ENVIRONMENT),
            },
            "The environments by name, as in `--environment qa`: which tenant, and what differs there.",
        ),
        optional(
            "parameters-file",
            Kind::Text(Form::Path),
            "The same as the key of an environment, for runs without --environment.",
        ),
    ],
};

/// An entry of `packages`.
pub(super) static PACKAGE: Table = Table {
    name: "a package",
    says: "An integration package.",
    keys: &[
        required(
            "id",
            Kind::Text(Form::Id),
            "The id of the package. It is created when the tenant has none; an existing one is never written.",
        ),
        optional(
            "name",
            Kind::Text(Form::Words),
            "The name of the package when it is created; its id when left out.",
        ),
        optional(
            "short-text",
            Kind::Text(Form::Words),
            "The short text of the package when it is created.",
        ),
        required(
            "artifacts",
            Kind::List(&Kind::PathOr(&ARTIFACT)),
            "The artifacts: a path, or an object that says more. A path is relative to this file and leads to the directory of an artifact, \
             a zip exported from a tenant, or a directory that holds several artifacts.",
        ),
    ],
};

/// An entry of `artifacts` that is no mere path.
pub(super) static ARTIFACT: Table = Table {
    name: "an artifact",
    says: "An artifact, or a directory of several.",
    keys: &[
        required(
            "path",
            Kind::Text(Form::Path),
            "The directory, zip, or directory of several artifacts, relative to this file.",
        ),
        optional(
            "id",
            Kind::Text(Form::Id),
            "The id on the tenant instead of the manifest's; for one artifact only.",
        ),
        optional(
            "name",
            Kind::Text(Form::Words),
            "The name on the tenant instead of the manifest's; for one artifact only.",
        ),
        optional(
            "deploy",
            Kind::Choice(&DEPLOY),
            "When to deploy: `changed` (the default), `always` though nothing changed, or `never`: upload and configure only.",
        ),
        optional(
            "parameters",
            PARAMETERS,
            "Externalized parameters in every environment; for one artifact only. ${env:NAME} is replaced by the variable NAME.",
        ),
    ],
};

/// A value of `environments`.
pub(super) static ENVIRONMENT: Table = Table {
    name: "an environment",
    says: "An environment: a tenant, or copies of the artifacts on a tenant that several environments share.",
    keys: &[
        optional(
            "credentials",
            Kind::Text(Form::Prefix),
            "The beginning of the names of the variables that hold the credentials: PROD_CPI for PROD_CPI_SERVICE_KEY. \
             No others are looked at. CPI when left out.",
        ),
        optional(
            "host",
            Kind::Text(Form::Host),
            "The host of the tenant. Credentials for another one are refused before a token is asked for.",
        ),
        optional(
            "id-prefix",
            Kind::Text(Form::Id),
            "Put before the id of every artifact.",
        ),
        optional(
            "id-suffix",
            Kind::Text(Form::Id),
            "Put behind the id of every artifact: copies for one of several stages on one tenant.",
        ),
        optional(
            "name-prefix",
            Kind::Text(Form::Words),
            "Put before the name of every artifact.",
        ),
        optional(
            "name-suffix",
            Kind::Text(Form::Words),
            "Put behind the name of every artifact.",
        ),
        optional(
            "package-prefix",
            Kind::Text(Form::Id),
            "Put before the id of every package.",
        ),
        optional(
            "package-suffix",
            Kind::Text(Form::Id),
            "Put behind the id of every package. Without it copies stand in the package of the originals; with it, the name of a package \
             that is created gets name-prefix and name-suffix too.",
        ),
        optional(
            "allow-shared-addresses",
            Kind::Switch,
            "Deploy copies although they share a sender address, queue, folder or store with their original; false when left out.",
        ),
        optional(
            "deploy",
            Kind::Choice(&DEPLOY),
            "When to deploy artifacts that do not say it themselves. `never` holds for all artifacts.",
        ),
        optional(
            "parameters-file",
            Kind::Text(Form::Path),
            "A file of parameters for each artifact that has one: {artifact} at the beginning stands for the directory of the artifact, \
             {id} for its id. Else relative to this file.",
        ),
        optional(
            "parameters",
            Kind::Map {
                of: "artifact",
                form: Form::Id,
                values: &PARAMETERS,
            },
            "Externalized parameters by the id of the artifact, without prefix and suffix. ${env:NAME} is replaced by the variable NAME.",
        ),
    ],
};

/// Says what is wrong with a node, if anything is. `name` is what holds it, for messages.
pub(super) fn check(node: &Node, kind: &Kind, name: &str) -> Result<(), Fault> {
    match kind {
        Kind::List(entries) => list(node, entries, name),
        Kind::Table(table) => keys(node, table, name),
        Kind::PathOr(table) => match &node.value {
            Value::Map(_) => keys(node, table, name),
            _ => text(node, Form::Path, name),
        },
        Kind::Map { of, form, values } => {
            for entry in entries(node, name)? {
                check_key(entry, of, *form)?;
                check(&entry.value, values, &entry.key)?;
            }
            Ok(())
        }
        Kind::Text(form) => text(node, *form, name),
        Kind::Parameter => scalar(
            node,
            name,
            "write \"\" for an empty value, or remove the key",
        )
        .map(|_| ()),
        Kind::Choice(words) => choice(node, words, name),
        Kind::Switch => match &node.value {
            Value::Scalar { truth: Some(_), .. } => Ok(()),
            _ => Err(wrong(
                node,
                name,
                "true or false",
                "write it without quotes",
            )),
        },
        Kind::Version => match scalar(node, name, NO_VALUE)? {
            "1" => Ok(()),
            other => Err(Fault::new(
                node.place,
                format!("this is version `{}` of the format", quoted(other)),
                "this flowship reads version 1: remove the line, or use a newer flowship",
            )),
        },
    }
}

fn list(node: &Node, kind: &Kind, name: &str) -> Result<(), Fault> {
    let Value::List(nodes) = &node.value else {
        let hint = "write one entry a line, each beginning with `- `";
        return Err(wrong(node, name, "a list", hint));
    };
    if nodes.is_empty() {
        return Err(Fault::new(
            node.place,
            format!("`{name}` is empty"),
            "give an entry, or remove the key",
        ));
    }
    nodes
        .iter()
        .try_for_each(|node| check(node, kind, &format!("an entry of {name}")))
}

fn keys(node: &Node, table: &Table, name: &str) -> Result<(), Fault> {
    let given = entries(node, name)?;
    for entry in given {
        let Some(key) = table.keys.iter().find(|key| key.name == entry.key) else {
            return Err(unknown_key(entry, table));
        };
        check(&entry.value, &key.kind, key.name)?;
    }
    let missing = |key: &&Key| key.required && !given.iter().any(|entry| entry.key == key.name);
    match table.keys.iter().find(missing) {
        Some(key) => Err(Fault::new(
            node.place,
            format!("{} without `{}`", table.name, key.name),
            format!("add `{}:`", key.name),
        )),
        None => Ok(()),
    }
}

/// The entries of a mapping. A key below which nothing stands, or only comments, has none.
fn entries<'n>(node: &'n Node, name: &str) -> Result<&'n [Entry], Fault> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing => Ok(&[]),
        _ => Err(wrong(
            node,
            name,
            "a mapping",
            "write one `key: value` a line, indented below it",
        )),
    }
}

fn unknown_key(entry: &Entry, table: &Table) -> Fault {
    let known: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
    let list = known.join(", ");
    let hint = match nearest(&entry.key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {} has: {list}", table.name),
        None => format!("{} has: {list}", table.name),
    };
    Fault::new(
        entry.place,
        format!("`{}` is no key of {}", quoted(&entry.key), table.name),
        hint,
    )
}

fn check_key(entry: &Entry, of: &str, form: Form) -> Result<(), Fault> {
    if form == Form::Id {
        possible_id(entry.place, of, &entry.key)?;
    }
    if form.accepts(&entry.key) {
        return Ok(());
    }
    Err(Fault::new(
        entry.place,
        format!("`{}` names no {of}", quoted(&entry.key)),
        format!("write a {}", form.describe()),
    ))
}

/// The text of a scalar. `hint` is for keys without a value.
fn scalar<'n>(node: &'n Node, name: &str, hint: &str) -> Result<&'n str, Fault> {
    match &node.value {
        Value::Scalar { text, .. } => Ok(text),
        Value::Nothing => Err(Fault::new(
            node.place,
            format!("`{}` has no value", quoted(name)),
            hint,
        )),
        _ => Err(wrong(
            node,
            name,
            "a text",
            "put a value that begins with `{` or `[` in quotes",
        )),
    }
}

fn text(node: &Node, form: Form, name: &str) -> Result<(), Fault> {
    let text = scalar(node, name, NO_VALUE)?;
    if text.contains("${env:") {
        return Err(Fault::new(
            node.place,
            format!("`{name}` holds `${{env:`, which is replaced in values of parameters only"),
            "write the value itself",
        ));
    }
    if form == Form::Prefix {
        whole_name(node, text)?;
    }
    if form == Form::Id {
        possible_id(node.place, name, text)?;
    }
    if form.accepts(text) {
        return Ok(());
    }
    // credentials are not repeated: the key itself may have been pasted there
    let shown = match (form, text) {
        (_, "") => " is empty".to_owned(),
        (Form::Prefix | Form::Host, _) => format!(" is no {}", form.describe()),
        _ => format!(": `{}` is no {}", quoted(text), form.describe()),
    };
    Err(Fault::new(
        node.place,
        format!("`{name}`{shown}"),
        format!("write a {}", form.describe()),
    ))
}

/// Refuses what no tenant can have as an id.
fn possible_id(place: Place, name: &str, text: &str) -> Result<(), Fault> {
    match id::fault(text) {
        None => Ok(()),
        Some(why) => Err(Fault::new(
            place,
            format!("`{name}` holds what can be no id: {why}"),
            format!("write a {}", Form::Id.describe()),
        )),
    }
}

/// Refuses the name of one variable where the beginning of all of them is wanted.
fn whole_name(node: &Node, text: &str) -> Result<(), Fault> {
    let prefixes = CREDENTIAL_NAMES
        .iter()
        .filter_map(|end| text.strip_suffix(end)?.strip_suffix('_'));
    // of P_TOKEN_URL both P and P_TOKEN are left
    let prefix = prefixes.min_by_key(|prefix| prefix.len());
    match prefix {
        Some(prefix) if is_variable_name(prefix) => Err(Fault::new(
            node.place,
            "`credentials` is the whole name of a variable",
            format!("write what the names of the variables begin with: {prefix}"),
        )),
        _ => Ok(()),
    }
}

fn choice(node: &Node, words: &[&str], name: &str) -> Result<(), Fault> {
    let text = scalar(node, name, NO_VALUE)?;
    if words.contains(&text) {
        return Ok(());
    }
    let list = words.join(", ");
    let hint = match nearest(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? It is one of: {list}"),
        None => format!("write one of: {list}"),
    };
    Err(Fault::new(
        node.place,
        format!("`{name}` is `{}`", quoted(text)),
        hint,
    ))
}

fn wrong(node: &Node, name: &str, wanted: &str, hint: &str) -> Fault {
    let found = node.describe();
    Fault::new(
        node.place,
        format!("`{}` must be {wanted}, here is {found}", quoted(name)),
        hint,
    )
}
