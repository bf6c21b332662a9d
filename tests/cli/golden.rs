//! Outputs that are compared byte for byte with `tests/golden`. `UPDATE_GOLDEN=1 cargo test` writes them anew: look
//! at the difference before it is committed.

use std::fs;
use std::path::Path;

/// Fails unless this is the text of the golden file, after all that changes from run to run was replaced.
#[track_caller]
pub(crate) fn is(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let text = steady(text);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; UPDATE_GOLDEN=1 cargo test writes it",
            path.display()
        )
    });
    assert!(
        text == golden,
        "tests/golden/{name} says:\n{golden}\n--- but this was said:\n{text}\n--- UPDATE_GOLDEN=1 cargo test writes it anew"
    );
}

/// With names instead of ports, task ids, dates, times, paths of temporary directories and our own version.
pub(crate) fn steady(text: &str) -> String {
    let text = text.replace(
        &format!("\"flowship\": \"{}\"", env!("CARGO_PKG_VERSION")),
        "\"flowship\": \"VERSION\"",
    );
    let mut steady = String::new();
    let mut rest = text.as_str();
    while let Some(letter) = rest.chars().next() {
        let begins = !steady.ends_with(|before: char| before.is_ascii_alphanumeric());
        let found = [
            port,
            task,
            date,
            seconds,
            seconds_of_json,
            time_of_xml,
            directory,
        ]
        .iter()
        .filter(|_| begins)
        .find_map(|what| what(rest));
        if let Some((length, name)) = found {
            steady.push_str(name);
            rest = &rest[length..];
        } else {
            steady.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    steady
}

type Found = Option<(usize, &'static str)>;

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn port(text: &str) -> Found {
    let rest = text.strip_prefix("127.0.0.1:")?;
    (digits(rest) > 0).then(|| (10 + digits(rest), "127.0.0.1:PORT"))
}

/// Whether a text begins like the pattern, in which `0` is any digit and `x` any hexadecimal one.
fn looks_like(text: &str, pattern: &str) -> bool {
    text.len() >= pattern.len()
        && pattern
            .bytes()
            .zip(text.bytes())
            .all(|(wanted, byte)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                other => other == byte,
            })
}

fn task(text: &str) -> Found {
    let pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    looks_like(text, pattern).then_some((pattern.len(), "TASK"))
}

fn date(text: &str) -> Found {
    let patterns = [
        ("0000-00-00T00:00:00.000Z", "DATE"),
        ("0000-00-00T00:00:00Z", "DATE"),
        ("0000-00-00T00:00:00", "DATE-WITHOUT-ZONE"),
    ];
    let (pattern, name) = patterns
        .iter()
        .find(|(pattern, _)| looks_like(text, pattern))?;
    Some((pattern.len(), name))
}

/// `1.2 s)`, `12 s)` and `1.2 s |`
fn seconds(text: &str) -> Found {
    let whole = digits(text);
    let all = match text[whole..].strip_prefix('.') {
        Some(rest) => whole + 1 + digits(rest),
        None => whole,
    };
    (whole > 0 && (text[all..].starts_with(" s)") || text[all..].starts_with(" s |")))
        .then_some((all, "TIME"))
}

fn seconds_of_json(text: &str) -> Found {
    for (before, name) in [
        ("seconds\": ", "seconds\": TIME"),
        ("seconds\":", "seconds\":TIME"),
    ] {
        if let Some(rest) = text.strip_prefix(before) {
            return Some((before.len() + number(rest), name));
        }
    }
    None
}

/// `time="1.234"`
fn time_of_xml(text: &str) -> Found {
    let rest = text.strip_prefix("time=\"")?;
    Some((6 + number(rest), "time=\"TIME"))
}

fn number(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count()
}

fn directory(text: &str) -> Found {
    let temporary = std::env::temp_dir();
    let rest = text.strip_prefix(temporary.to_str()?)?;
    let name = rest.strip_prefix('/').or_else(|| rest.strip_prefix('\\'))?;
    let length = name
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        .count();
    Some((text.len() - name.len() + length, "DIRECTORY"))
}

#[test]
fn what_changes_from_run_to_run_is_replaced_and_nothing_else() {
    let text = "at http://127.0.0.1:8080/x → 500, task 24d21fa2-461f-1f71-c5c3-4defd775076c, \
                2026-11-22T14:29:03.368Z, (1.7 s), version 1.0.3, \"seconds\": 1.655,";
    assert_eq!(
        steady(text),
        "at http://127.0.0.1:PORT/x → 500, task TASK, DATE, (TIME s), version 1.0.3, \"seconds\": TIME,"
    );
}
