//! JUnit: one suite for the run, one case for each artifact and phase, in the subset that Jenkins and GitLab share.

use super::Report;
use crate::deploy::outcome::{Message, Outcome, Phase, Word};
use crate::exit::Exit;
use crate::text::is_invisible;

/// How a case ended.
enum Result<'a> {
    Passed,
    Skipped(&'static str),
    /// The tenant, or the artifact, decided against it.
    Failure(&'a Message),
    /// It could not be found out.
    Error(&'a Message),
}

struct Case<'a> {
    classname: &'a str,
    name: &'a str,
    seconds: f64,
    result: Result<'a>,
    output: &'a str,
}

/// Writes the report.
pub fn xml(report: &Report) -> String {
    let mut cases: Vec<Case<'_>> = report
        .errors
        .iter()
        .take(1)
        .map(|error| of_run(report, error))
        .collect();
    cases.extend(report.checked.iter().map(|id| of_check(id)));
    for outcome in &report.artifacts {
        let phases = match outcome.phase {
            Phase::Status => &[Phase::Status][..],
            _ if report.command == "undeploy" => &Phase::UNDEPLOYMENT,
            Phase::Smoke => &Phase::WITH_SMOKE,
            _ => &Phase::DEPLOYMENT,
        };
        cases.extend(phases.iter().map(|phase| of_phase(outcome, *phase)));
    }
    let count =
        |wanted: fn(&Result<'_>) -> bool| cases.iter().filter(|case| wanted(&case.result)).count();
    let (failures, errors) = (
        count(|result| matches!(result, Result::Failure(_))),
        count(|result| matches!(result, Result::Error(_))),
    );
    let skipped = count(|result| matches!(result, Result::Skipped(_)));
    let seconds = cases.iter().fold(0.0, |sum, case| sum + case.seconds);
    let totals = format!(
        "name=\"flowship {}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"",
        report.command,
        cases.len()
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!("<testsuites {totals} time=\"{seconds:.3}\">\n"));
    text.push_str(&format!(
        "  <testsuite {totals} skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\">\n",
        report.began_without_zone()
    ));
    for case in &cases {
        text.push_str(&element(case));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// An error that ended the run before any artifact had a verdict.
fn of_run<'a>(report: &Report, error: &'a Message) -> Case<'a> {
    Case {
        classname: "flowship",
        name: report.command,
        seconds: 0.0,
        result: Result::Error(error),
        output: "",
    }
}

/// An artifact in which the offline check found no error.
fn of_check(id: &str) -> Case<'_> {
    Case {
        classname: id,
        name: Phase::Check.name(),
        seconds: 0.0,
        result: Result::Passed,
        output: "",
    }
}

fn of_phase(outcome: &Outcome, phase: Phase) -> Case<'_> {
    let last = phase == outcome.phase;
    Case {
        classname: &outcome.id,
        name: phase.name(),
        seconds: if last {
            outcome.took.as_secs_f64()
        } else {
            0.0
        },
        result: result(outcome, phase),
        output: if last { &outcome.verdict.evidence } else { "" },
    }
}

fn result(outcome: &Outcome, phase: Phase) -> Result<'_> {
    match (&outcome.verdict.message, outcome.verdict.word) {
        (_, Word::Unchanged)
            if matches!(phase, Phase::Upload | Phase::Configure | Phase::Deploy) =>
        {
            Result::Skipped("unchanged")
        }
        (_, Word::Absent) if phase != Phase::Read => Result::Skipped("not deployed"),
        (_, Word::Uploaded) if phase > Phase::Configure => {
            Result::Skipped("not deployed, as asked")
        }
        (None, _) => Result::Passed,
        (Some(_), _) if phase < outcome.phase => Result::Passed,
        (Some(_), _) if phase > outcome.phase => Result::Skipped("not reached"),
        (Some(message), _) => match outcome.verdict.exit {
            Exit::Failed | Exit::Artifact | Exit::Undecided | Exit::Transient => {
                Result::Failure(message)
            }
            _ => Result::Error(message),
        },
    }
}

fn element(case: &Case<'_>) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(case.classname),
        escape(case.name),
        case.seconds
    );
    let inner = match &case.result {
        Result::Passed => String::new(),
        Result::Skipped(why) => format!("      <skipped message=\"{}\"/>\n", escape(why)),
        Result::Failure(message) => problem("failure", message),
        Result::Error(message) => problem("error", message),
    };
    let output = match case.output {
        "" => String::new(),
        text => format!("      <system-out>{}</system-out>\n", escape(text)),
    };
    if inner.is_empty() && output.is_empty() {
        return format!("{head}/>\n");
    }
    format!("{head}>\n{inner}{output}    </testcase>\n")
}

fn problem(element: &str, message: &Message) -> String {
    let mut text = message.what.clone();
    for cause in message.reasons() {
        text.push_str(&format!("\ncause: {cause}"));
    }
    if let Some(at) = &message.at {
        text.push_str(&format!("\nat: {at}"));
    }
    if let Some(hint) = &message.hint {
        text.push_str(&format!("\nhint: {hint}"));
    }
    format!(
        "      <{element} type=\"{element}\" message=\"{}\">{}</{element}>\n",
        escape(&message.what),
        escape(&text)
    )
}

/// Text of XML 1.0: markup escaped, characters that it does not allow left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            _ if c.is_control() || is_invisible(c) => {}
            '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => {
                escaped.push(c);
            }
            _ => {}
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_forbids_are_left_out() {
        assert_eq!(
            escape("a\u{0}\u{1b}[1m<b>\u{fffe}&\""),
            "a[1m&lt;b&gt;&amp;&quot;"
        );
    }
}
