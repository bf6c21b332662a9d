//! JUnit: one suite for the run, one case for each artifact and phase, in the subset that Jenkins and GitLab share.

use super::Report;
use crate::deploy::outcome::{Message, Outcome, Phase, Word};
use crate::exit::Exit;
use crate::text::is_invisible;

/// How a case ended: the name of the element that says so, and the element; both are empty where it passed.
type CaseEnd = (&'static str, String);

struct TestCase<'a> {
    classname: &'a str,
    name: &'a str,
    seconds: f64,
    end: CaseEnd,
    output: &'a str,
}

/// Writes the report.
pub fn xml(report: &Report) -> String {
    let case = |classname, name, end| TestCase {
        classname,
        name,
        seconds: 0.0,
        end,
        output: "",
    };
    // an error that ended the run before any artifact had a verdict, and artifacts in which the check found no error
    let errors = report.errors.iter().take(1);
    let errors = errors.map(|error| case("flowship", report.command, problem("error", error)));
    let checked = report.checked.iter();
    let checked = checked.map(|id| case(id, Phase::Check.name(), CaseEnd::default()));
    let phases = report.artifacts.iter().flat_map(|outcome| {
        let phases = match outcome.phase {
            Phase::Status => &[Phase::Status][..],
            _ if report.command == "undeploy" => &Phase::UNDEPLOYMENT,
            Phase::Smoke => &Phase::WITH_SMOKE,
            _ => &Phase::DEPLOYMENT,
        };
        phases.iter().map(|phase| {
            let case = case(&outcome.id, phase.name(), end(outcome, *phase));
            if *phase != outcome.phase {
                return case;
            }
            TestCase {
                seconds: outcome.took.as_secs_f64(),
                output: &outcome.verdict.evidence,
                ..case
            }
        })
    });
    let cases: Vec<TestCase<'_>> = errors.chain(checked).chain(phases).collect();
    let count = |element| cases.iter().filter(|case| case.end.0 == element).count();
    let seconds = cases.iter().fold(0.0, |sum, case| sum + case.seconds);
    let totals = format!(
        "name=\"flowship {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        report.command,
        cases.len(),
        count("failure"),
        count("error")
    );
    let elements: String = cases.iter().map(element).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {totals} time=\"{seconds:.3}\">\n  <testsuite {totals} skipped=\"{}\" time=\"{seconds:.3}\" timestamp=\"{}\">\n{elements}  </testsuite>\n</testsuites>\n",
        count("skipped"),
        // JUnit has no zone
        report.began.get(..19).unwrap_or(&report.began)
    )
}

fn end(outcome: &Outcome, phase: Phase) -> CaseEnd {
    match (&outcome.verdict.message, outcome.verdict.word) {
        (_, Word::Unchanged)
            if matches!(phase, Phase::Upload | Phase::Configure | Phase::Deploy) =>
        {
            skipped("unchanged")
        }
        (_, Word::Absent) if phase != Phase::Read => skipped("not deployed"),
        (_, Word::Uploaded) if phase > Phase::Configure => skipped("not deployed, as asked"),
        (None, _) => CaseEnd::default(),
        (Some(_), _) if phase < outcome.phase => CaseEnd::default(),
        (Some(_), _) if phase > outcome.phase => skipped("not reached"),
        (Some(message), _) => {
            // `failure`: the tenant, or the artifact, decided against it; `error`: it could not be found out
            let element = match outcome.verdict.exit {
                Exit::Failed | Exit::Artifact | Exit::Undecided | Exit::Transient => "failure",
                _ => "error",
            };
            problem(element, message)
        }
    }
}

fn element(case: &TestCase<'_>) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(case.classname),
        escape(case.name),
        case.seconds
    );
    let output = match case.output {
        "" => String::new(),
        text => format!("      <system-out>{}</system-out>\n", escape(text)),
    };
    let (_, inner) = &case.end;
    if inner.is_empty() && output.is_empty() {
        return format!("{head}/>\n");
    }
    format!("{head}>\n{inner}{output}    </testcase>\n")
}

fn skipped(why: &str) -> CaseEnd {
    let element = format!("      <skipped message=\"{why}\"/>\n");
    ("skipped", element)
}

fn problem(element: &'static str, message: &Message) -> CaseEnd {
    let causes = message.reasons().into_iter().map(|cause| ("cause", cause));
    let at = message.at.iter().map(|at| ("at", at.clone()));
    let hint = message.hint.iter().map(|hint| ("hint", hint.clone()));
    let more = causes.chain(at).chain(hint);
    let more: String = more
        .map(|(what, text)| format!("\n{what}: {text}"))
        .collect();
    let what = escape(&message.what);
    let text = format!(
        "      <{element} type=\"{element}\" message=\"{what}\">{what}{}</{element}>\n",
        escape(&more)
    );
    (element, text)
}

/// Text of XML 1.0: markup escaped, characters that it does not allow left out.
fn escape(text: &str) -> String {
    let legal = |c: &char| {
        let is_forbidden =
            c.is_control() || is_invisible(*c) || matches!(c, '\u{fffe}' | '\u{ffff}');
        matches!(c, '\n' | '\t') || !is_forbidden
    };
    let text: String = text.chars().filter(legal).collect();
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
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
