//! Options and the variables that stand for them: `FLOWSHIP_<OPTION>` is the default of its option, so that clap merges the
//! two in one place. An option wins over its variable, the variable over flowship.yaml.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};

use crate::settings::environment::Environment;
use crate::text::nearest;

/// The ids of arguments that no variable stands for: what must be said in the command itself, and what chooses artifacts on a
/// tenant, because a pipeline sets FLOWSHIP_PACKAGE for its deployment.
const NO_VARIABLE: [&str; 8] = [
    "sandbox", "scenario", "force", "packages", "kinds", "all", "from", "to",
];

/// A variable whose value its option would not take. Names the variable, so that the author of the pipeline finds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct BadVariable {
    /// The variable.
    pub variable: String,
    /// What is wrong with its value.
    pub reason: String,
}

/// Reads a command line, with variables as defaults. The first variable that makes no sense is left out and named.
///
/// # Errors
/// When the arguments are wrong, or ask for help.
pub fn parse<P: Parser>(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<(P, Option<BadVariable>), clap::Error> {
    let given = P::command().try_get_matches_from(arguments)?;
    let mut defaults = Defaults {
        environment,
        unset: Vec::new(),
        bad: None,
    };
    let mut command = P::command().mut_args(|arg| defaults.set(arg, &given));
    if let Some((name, given)) = given.subcommand() {
        command = command.mut_subcommand(name, |subcommand| {
            subcommand.mut_args(|arg| defaults.set(arg, given))
        });
    }
    let arguments = without_empty(arguments, &defaults.unset);
    let mut matches = command.try_get_matches_from(arguments)?;
    Ok((P::from_arg_matches_mut(&mut matches)?, defaults.bad))
}

/// Warns of variables that stand for no option and look like one that does.
pub fn misspelt<P: Parser>(environment: &Environment) -> Vec<String> {
    let command = P::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let arguments = commands.flat_map(Command::get_arguments);
    let known: BTreeSet<String> = arguments
        .filter_map(|arg| {
            arg.get_long()
                .or((arg.get_id() == "paths").then_some("paths"))
        })
        .map(variable)
        .collect();
    let unknown = environment
        .names()
        .filter(|name| name.starts_with("FLOWSHIP_"));
    unknown
        .filter(|name| !known.contains(*name))
        .filter_map(|name| {
            let options = known.iter().map(|known| &known["FLOWSHIP_".len()..]);
            let near = nearest(&name["FLOWSHIP_".len()..], options)?;
            Some(format!(
                "{name} is no option's variable: did you mean FLOWSHIP_{near}?"
            ))
        })
        .collect()
}

/// Makes variables the defaults of their options.
struct Defaults<'a> {
    environment: &'a Environment,
    /// The options that were given without a text: what is empty is unset, it is mostly a variable that a shell put there.
    unset: Vec<String>,
    bad: Option<BadVariable>,
}

impl Defaults<'_> {
    fn set(&mut self, arg: Arg, given: &ArgMatches) -> Arg {
        let Some(name) = name(&arg) else { return arg };
        if given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            if !is_empty_text(&arg, given) {
                return arg;
            }
            self.unset.push(format!("--{name}"));
        }
        let variable = variable(&name);
        let Some(text) = self.environment.get(&variable) else {
            return arg;
        };
        match values(&arg, text) {
            Ok(values) if values.is_empty() => arg,
            Ok(values) => {
                // clap lets a switch have a default, and has nothing to hide of it
                let takes_value = !matches!(arg.get_action(), ArgAction::SetTrue);
                arg.default_values(values).hide_default_value(takes_value)
            }
            Err(reason) => {
                self.bad.get_or_insert(BadVariable { variable, reason });
                arg
            }
        }
    }
}

/// The name of an argument in its variable, if one stands for it. Of arguments without `--` only the paths have one.
fn name(arg: &Arg) -> Option<String> {
    let id = arg.get_id().as_str();
    let name = arg.get_long().or((id == "paths").then_some(id))?;
    (!NO_VARIABLE.contains(&id)).then(|| name.to_owned())
}

/// The variable that stands for an option: `poll-interval` is `FLOWSHIP_POLL_INTERVAL`.
pub fn variable(name: &str) -> String {
    format!("FLOWSHIP_{}", name.replace('-', "_").to_ascii_uppercase())
}

fn is_empty_text(arg: &Arg, given: &ArgMatches) -> bool {
    let is_text = arg.get_value_parser().type_id() == ValueParser::string().type_id();
    let raw = given.get_raw(arg.get_id().as_str());
    is_text
        && matches!(arg.get_action(), ArgAction::Set)
        && raw.is_some_and(|mut raw| raw.all(OsStr::is_empty))
}

/// The arguments without those of `unset`, which stand there as `--name ""` or `--name=`.
fn without_empty(arguments: &[OsString], unset: &[String]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        let name = text.strip_suffix('=').unwrap_or(&text);
        if !unset.iter().any(|unset| unset == name) {
            kept.push(argument.clone());
        } else if name == text {
            rest.next_if(|next| next.is_empty());
        }
    }
    kept
}

/// What a variable says, as its option takes it: one value a line, where the option may be repeated.
fn values(arg: &Arg, text: &str) -> Result<Vec<String>, String> {
    let is_path = arg.get_value_parser().type_id() == ValueParser::path_buf().type_id();
    let values: Vec<String> = match arg.get_action() {
        ArgAction::SetTrue => return switch(text).map(|on| vec![on.to_string()]),
        ArgAction::Append => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| if is_path { line.trim() } else { line }.to_owned())
            .collect(),
        _ => vec![text.to_owned()],
    };
    let value = Arg::new("value")
        .long("value")
        .action(ArgAction::Append)
        .value_parser(arg.get_value_parser().clone())
        .ignore_case(arg.is_ignore_case_set());
    let alone = Command::new("value").no_binary_name(true).arg(value);
    let given = values.iter().map(|value| format!("--value={value}"));
    match alone.try_get_matches_from(given) {
        Ok(_) => Ok(values),
        Err(error) => Err(reason(&error)),
    }
}

/// What CI systems write into a variable that is on or off.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        other => Err(format!("`{other}` is neither true nor false")),
    }
}

fn reason(error: &clap::Error) -> String {
    match (
        error.get(ContextKind::InvalidValue),
        error.get(ContextKind::ValidValue),
    ) {
        (Some(ContextValue::String(text)), Some(ContextValue::Strings(known))) => {
            format!("`{text}` is none of {}", known.join(", "))
        }
        _ => error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// One entry of a list, and where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListValue {
    /// The entry.
    pub text: String,
    /// The option or variable.
    pub source: String,
    /// The value is that of the variable which is named.
    pub is_variable: bool,
}

/// The entries of an option that may be repeated, each with its source: the variable, if that says the same.
pub fn listed(
    entries: &[String],
    name: &str,
    is_variable: bool,
    environment: &Environment,
) -> Vec<ListValue> {
    let variable = variable(name);
    let lines = environment.get(&variable).unwrap_or_default().lines();
    let same = lines
        .filter(|line| !line.trim().is_empty())
        .eq(entries.iter());
    let source = if same { variable } else { format!("--{name}") };
    let entry = |text: &String| ListValue {
        text: text.clone(),
        source: source.clone(),
        is_variable,
    };
    entries.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::clock::span;

    #[derive(Debug, Default, PartialEq, Parser)]
    struct Line {
        #[arg(long)]
        package: Option<String>,
        #[arg(long, value_parser = span)]
        timeout: Option<Duration>,
        #[arg(long)]
        no_deploy: bool,
        #[arg(long, conflicts_with = "no_deploy")]
        set: Vec<String>,
        #[arg(long)]
        force: bool,
        paths: Vec<PathBuf>,
    }

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> (Line, Option<String>) {
        let environment = variables
            .iter()
            .fold(Environment::default(), |all, (name, value)| {
                all.with(name, value)
            });
        let arguments: Vec<OsString> = ["flowship"]
            .iter()
            .chain(arguments)
            .map(OsString::from)
            .collect();
        let (line, bad) = parse(&arguments, &environment).unwrap();
        (line, bad.map(|bad| bad.to_string()))
    }

    #[test]
    fn a_misspelt_variable_is_named_with_the_one_that_is_meant() {
        for (name, meant) in [
            ("FLOWSHIP_PAKAGE", Some("FLOWSHIP_PACKAGE")),
            ("FLOWSHIP_NO-DEPLOY", Some("FLOWSHIP_NO_DEPLOY")),
            ("FLOWSHIP_PACKAGE", None),
            // it stands for no option on purpose
            ("FLOWSHIP_FORCE", None),
            ("FLOWSHIP_ARCHIVE_BUCKET", None),
            ("PAKAGE", None),
        ] {
            let environment = Environment::default().with(name, "x");
            let expected =
                meant.map(|meant| format!("{name} is no option's variable: did you mean {meant}?"));
            let expected: Vec<String> = expected.into_iter().collect();
            assert_eq!(misspelt::<Line>(&environment), expected);
        }
    }

    #[test]
    fn an_option_wins_and_what_is_empty_is_unset() {
        for (arguments, variable, expected) in [
            (&["--package", "Opt"][..], "Var", Some("Opt")),
            (&[], "Var", Some("Var")),
            (&["--package", ""], "Var", Some("Var")),
            (&["--package="], "Var", Some("Var")),
            (&["--package", ""], "", None),
            (&[], "", None),
        ] {
            let (line, bad) = read(arguments, &[("FLOWSHIP_PACKAGE", variable)]);
            assert_eq!(line.package.as_deref(), expected, "{arguments:?}");
            assert_eq!(bad, None);
        }
    }

    #[test]
    fn a_list_is_one_a_line_and_keeps_its_blanks_where_it_holds_no_paths() {
        let variables = [
            ("FLOWSHIP_SET", "a=1 \n\nb=2"),
            ("FLOWSHIP_PATHS", " one \n"),
        ];
        let (line, _) = read(&[], &variables);
        assert_eq!(line.set, ["a=1 ", "b=2"]);
        assert_eq!(line.paths, [PathBuf::from("one")]);
        let (line, _) = read(&["--set", "c=3", "two"], &variables);
        assert_eq!(line.set, ["c=3"]);
        assert_eq!(line.paths, [PathBuf::from("two")]);
    }

    #[test]
    fn the_source_of_a_list_is_told() {
        let environment = Environment::default().with("FLOWSHIP_SET", "a=1\nb=2\n");
        let source = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
            listed(&entries, "set", false, &environment)[0]
                .source
                .clone()
        };
        assert_eq!(source(&["a=1", "b=2"]), "FLOWSHIP_SET");
        assert_eq!(source(&["a=1"]), "--set");
    }

    #[test]
    fn a_switch_reads_what_ci_systems_write() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("1", Ok(true)),
            ("False", Ok(false)),
            ("0", Ok(false)),
            ("", Ok(false)),
            (
                "maybe",
                Err("FLOWSHIP_NO_DEPLOY: `maybe` is neither true nor false"),
            ),
        ] {
            let (line, bad) = read(&[], &[("FLOWSHIP_NO_DEPLOY", text)]);
            assert_eq!(bad.as_deref().map_or(Ok(line.no_deploy), Err), expected);
            let (line, bad) = read(&["--no-deploy"], &[("FLOWSHIP_NO_DEPLOY", text)]);
            assert_eq!((line.no_deploy, bad), (true, None));
        }
    }

    #[test]
    fn a_value_that_makes_no_sense_is_told_with_its_variable() {
        let variables = [("FLOWSHIP_TIMEOUT", "-soon"), ("FLOWSHIP_PACKAGE", "P")];
        let (line, bad) = read(&[], &variables);
        assert!(
            bad.unwrap()
                .starts_with("FLOWSHIP_TIMEOUT: `-soon` is no span of time")
        );
        assert_eq!(line.package.as_deref(), Some("P"));
        assert_eq!(read(&["--timeout", "1s"], &variables).1, None);
    }

    #[test]
    fn a_variable_is_no_conflict_and_some_options_have_none() {
        let (line, bad) = read(
            &["--set", "a=1"],
            &[("FLOWSHIP_NO_DEPLOY", "1"), ("FLOWSHIP_FORCE", "1")],
        );
        assert!(line.no_deploy && bad.is_none());
        assert!(!line.force);
    }
}
