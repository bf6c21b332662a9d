//! When a timer or a polling adapter runs: the value of `scheduleKey`, in the markup that tenants write.

use std::collections::BTreeMap;

use super::flow_model::placeholders;

/// When a timer or a polling adapter runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Once, at each deployment ("Run Once").
    RunOnce,
    /// At these times: Quartz expressions (`0 12 11 18 10 ? 2032`), with the time zone where there is one.
    Times(Vec<String>),
    /// As the parameter says, whose value is not known here.
    Parameter(String),
    /// The markup says something else.
    Unknown,
}

impl Schedule {
    /// Reads a value of `scheduleKey`, looking up a parameter that stands for all of it.
    pub fn parse(value: &str, parameters: &BTreeMap<String, String>) -> Self {
        let Some(key) = whole_parameter(value) else {
            return Self::of_markup(value);
        };
        match parameters.get(key) {
            Some(value) if whole_parameter(value).is_none() => Self::of_markup(value),
            _ => Self::Parameter(key.to_owned()),
        }
    }

    /// The markup is a table: rows of a name and a value, of which `schedule1`, `schedule2`, ... tell the times.
    fn of_markup(value: &str) -> Self {
        let rows = rows(value).into_iter();
        let triggers: Vec<String> = rows
            .filter_map(|row| match <[String; 2]>::try_from(row) {
                Ok([name, trigger]) if is_trigger(&name) && !trigger.is_empty() => Some(trigger),
                _ => None,
            })
            .collect();
        if triggers.is_empty() {
            return Self::Unknown;
        }
        let fires_now = |trigger: &String| trigger.contains("fireNow=true");
        let repeats = |trigger: &String| trigger.contains(REPEAT);
        if triggers.iter().any(fires_now) && !triggers.iter().any(repeats) {
            return Self::RunOnce;
        }
        Self::Times(triggers.iter().map(|trigger| time(trigger)).collect())
    }
}

/// How the part of a trigger begins that says how often it fires again, and after how long.
const REPEAT: &str = "simple.repeat";

/// The parameter that a value consists of, if it is nothing else.
fn whole_parameter(value: &str) -> Option<&str> {
    let value = value.trim();
    let key = placeholders(value).next()?;
    let alone = value.starts_with("{{") && value.find("}}") == Some(value.len() - 2);
    alone.then_some(key)
}

fn is_trigger(name: &str) -> bool {
    name.strip_prefix("schedule").is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `0+12+11+18+10+?+2032&trigger.timeZone=Europe/Berlin` for people.
fn time(trigger: &str) -> String {
    let trigger = trigger.replace("&amp;", "&");
    let mut parts = trigger.split('&');
    let mut time = parts.next().unwrap_or_default().replace('+', " ");
    for part in parts {
        match part.strip_prefix("trigger.timeZone=") {
            Some(zone) => time.push_str(&format!(" ({zone})")),
            None if part.starts_with(REPEAT) => time.push_str(&format!(", {part}")),
            None => {}
        }
    }
    time
}

/// The cells of a table: `<row><cell>a</cell><cell>b</cell></row>`. It is looked for rather than parsed: the values hold
/// bare `&`, so the markup is no XML.
pub(super) fn rows(markup: &str) -> Vec<Vec<String>> {
    let rows = markup.split("<row").skip(1);
    rows.map(|row| row.split("</row>").next().unwrap_or(row))
        .map(|row| row.split("<cell").skip(1).map(cell).collect())
        .collect()
}

/// What stands in a cell, given what follows `<cell`: `/>`, `>text</cell>`, ` id='x'>text</cell>`.
fn cell(rest: &str) -> String {
    match rest.split_once('>') {
        Some((opening, text)) if !opening.ends_with('/') => text
            .split("</cell>")
            .next()
            .unwrap_or(text)
            .trim()
            .to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[(&str, &str)]) -> String {
        rows.iter()
            .map(|(name, value)| format!("<row><cell>{name}</cell><cell>{value}</cell></row>"))
            .collect()
    }

    fn parse(value: &str) -> Schedule {
        Schedule::parse(value, &BTreeMap::new())
    }

    #[test]
    fn the_schedules_that_tenants_write_are_read() {
        let once = table(&[
            ("triggerType", "simple"),
            ("noOfSchedules", "1"),
            ("schedule1", "fireNow=true"),
        ]);
        assert_eq!(parse(&once), Schedule::RunOnce);
        let date = table(&[
            ("triggerType", "cron"),
            (
                "schedule1",
                "0+12+11+18+10+?+2032&trigger.timeZone=Europe/Berlin",
            ),
        ]);
        assert_eq!(
            parse(&date),
            Schedule::Times(vec!["0 12 11 18 10 ? 2032 (Europe/Berlin)".into()])
        );
        let two = table(&[
            (
                "schedule1",
                "0+0/5+7-19+?+*+*+*&amp;trigger.timeZone=Etc/GMT",
            ),
            ("schedule2", "0+0+0+?+*+*+*"),
        ]);
        assert_eq!(
            parse(&two),
            Schedule::Times(vec![
                "0 0/5 7-19 ? * * * (Etc/GMT)".into(),
                "0 0 0 ? * * *".into()
            ])
        );
        let repeated = table(&[("schedule1", "fireNow=true&simple.repeatInterval=60000")]);
        assert_eq!(
            parse(&repeated),
            Schedule::Times(vec!["fireNow=true, simple.repeatInterval=60000".into()])
        );
        for unknown in [
            "",
            "hourly",
            "<row><cell>triggerType</cell><cell>cron</cell></row>",
            &table(&[("schedule1", "")]),
        ] {
            assert_eq!(parse(unknown), Schedule::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_parameter_is_looked_up_once() {
        let parameters: BTreeMap<String, String> = [
            ("Timer".to_owned(), table(&[("schedule1", "fireNow=true")])),
            ("Template".to_owned(), "{{Timer}}".to_owned()),
        ]
        .into();
        let parse = |value| Schedule::parse(value, &parameters);
        assert_eq!(parse("{{Timer}}"), Schedule::RunOnce);
        assert_eq!(parse(" {{ Timer }} "), Schedule::RunOnce);
        assert_eq!(parse("{{Other}}"), Schedule::Parameter("Other".into()));
        assert_eq!(
            parse("{{Template}}"),
            Schedule::Parameter("Template".into())
        );
        assert_eq!(parse("{{Timer}}{{Timer}}"), Schedule::Unknown);
    }

    #[test]
    fn cells_are_read_in_every_form() {
        let expected = [vec!["a", "", "b c"], vec!["d"]];
        assert_eq!(
            rows(
                "<row><cell id='x'>a</cell><cell/><cell> b c </cell></row><row><cell>d</cell></row>"
            ),
            expected
        );
    }

    proptest! {
        #[test]
        fn arbitrary_markup_never_panics(text in "(<row>|</row>|<cell|>|/>|</cell>|schedule1|fireNow=true|\\{\\{|\\}\\}|[a&+ä]){0,30}") {
            let _ = parse(&text);
        }
    }
}
