//! House rules that no compiler knows. Each failure says the rule and why it is one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the program, without its tests.
struct Source {
    /// Such as `http/wire.rs`.
    name: String,
    /// Number and text of each line that is code.
    lines: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let all: Vec<Source> = paths.iter().filter_map(|path| read(&root, path)).collect();
    assert!(all.len() > 50, "only {} files found", all.len());
    all
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Tests may do what the program may not: files that are only compiled for them, and modules inside other files.
fn read(root: &Path, path: &Path) -> Option<Source> {
    let name = path
        .strip_prefix(root)
        .unwrap()
        .to_str()
        .unwrap()
        .replace('\\', "/");
    let only_tests = ["tests.rs", "sample.rs", "histories.rs"]
        .iter()
        .any(|end| name.ends_with(end))
        || name.contains("/tests/");
    if only_tests {
        return None;
    }
    let text = fs::read_to_string(path).unwrap();
    let (mut lines, mut of_tests) = (Vec::new(), false);
    for (at, line) in text.lines().enumerate() {
        of_tests |= line == "#[cfg(test)]";
        if !of_tests && !line.trim_start().starts_with("//") {
            lines.push((at + 1, line.to_owned()));
        }
        // the end of the item that is only for tests
        let is_module = line.starts_with("mod ") && line.ends_with(';');
        of_tests &= line != "}" && !is_module;
    }
    Some(Source { name, lines })
}

/// Fails for each line of the chosen files that holds one of the words.
fn nowhere(words: &[&str], chosen: impl Fn(&str) -> bool, why: &str) {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| chosen(&source.name)) {
        for (at, line) in &source.lines {
            if words.iter().any(|word| holds(line, word)) {
                found.push(format!("src/{}:{at}: {}", source.name, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{why}\n{}", found.join("\n"));
}

/// Whether a line holds a word that is no part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let part = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let goes_on = part(before) && word.starts_with(char::is_alphanumeric);
        let went_on = part(after) && word.ends_with(char::is_alphanumeric);
        !goes_on && !went_on
    })
}

#[test]
fn the_http_library_is_named_in_one_room() {
    nowhere(
        &["ureq", "rustls", "rustls_native_certs", "webpki_root_certs"],
        |name| !name.starts_with("http/"),
        "only src/http knows which library speaks HTTP and TLS: its transports may change with a minor version, and then one room changes",
    );
}

#[test]
fn the_sandbox_knows_nothing_of_the_client() {
    nowhere(
        &[
            "crate::tenant",
            "crate::deploy",
            "crate::http",
            "crate::settings",
            "crate::report",
            "crate::commands",
            "crate::cli",
            "crate::text",
        ],
        |name| name.starts_with("sandbox/"),
        "a sandbox that shares types with the client shares its mistakes: a test against it would prove nothing",
    );
    for source in sources()
        .iter()
        .filter(|source| source.name.starts_with("sandbox/"))
    {
        for (at, line) in &source.lines {
            let strange = holds(line, "crate::artifact")
                && !line.contains("crate::artifact::manifest")
                && !line.contains("crate::artifact::properties");
            assert!(
                !strange,
                "the sandbox reads manifests and properties with artifact/, and nothing else of it\nsrc/{}:{at}: {line}",
                source.name
            );
        }
    }
}

#[test]
fn only_the_process_edge_asks_the_process() {
    nowhere(
        &[
            "std::env",
            "env::var",
            "env::vars",
            "env::args",
            "env::current_dir",
            "io::stdin",
            "std::process",
            "process::exit",
            "process::abort",
        ],
        |name| name != "main.rs",
        "everything comes in through `Process`: so a run can be called again, and tested without a process",
    );
    nowhere(
        &["process::exit", "process::abort"],
        |_| true,
        "a run ends by returning its code: what ends the process in its middle leaves temporary files and half a message",
    );
}

#[test]
fn only_the_clock_knows_the_time() {
    nowhere(
        &[
            "Instant::now",
            "SystemTime::now",
            "thread::sleep",
            "park_timeout",
        ],
        |name| {
            let exceptions = [
                "clock.rs",
                // the tenant has a clock of its own
                "sandbox/clock.rs",
                // an accept that fails (too many open files) must not spin; and latency and slow bodies are its product
                "sandbox/server.rs",
                // waits for a signal, not for a tenant
                "commands/sandbox.rs",
            ];
            !exceptions.contains(&name)
        },
        "time is asked for and waited for in src/clock.rs only: verdicts are judged on times that are data",
    );
}

#[test]
fn the_verdict_is_a_pure_function() {
    nowhere(
        &[
            "Clock",
            "SystemTime",
            "Instant",
            "crate::http",
            "crate::tenant::Tenant",
            "std::net",
            "std::fs",
            "std::thread",
            "std::io",
            "rand",
            "fastrand",
            "HashMap",
            "HashSet",
        ],
        |name| {
            name.starts_with("deploy/evidence")
                || name == "deploy/plan.rs"
                || name == "deploy/parameters.rs"
        },
        "what is decided is decided from observations alone: no clock, no network, no order that changes from run to run",
    );
}

#[test]
fn nothing_unfinished_is_left_behind() {
    nowhere(
        &[
            "todo!",
            "unimplemented!",
            "dbg!",
            "FIXME",
            "TODO",
            "XXX",
            "HACK",
        ],
        |_| true,
        "what is not done is an issue, not a comment",
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let marked = ["FIXME", "TODO"].iter().find(|mark| text.contains(*mark));
        assert!(
            marked.is_none(),
            "{}: {marked:?}: what is not done is an issue, not a comment",
            path.display()
        );
    }
}

#[test]
fn streams_are_handed_in_and_not_reached_for() {
    nowhere(
        &["println!", "eprintln!", "print!", "eprint!", "io::stdout"],
        |name| name != "main.rs",
        "what is printed goes through the streams of `Process`, where secrets are masked",
    );
}

/// Names that still stand for several types, and for how many. The list only ever gets shorter.
const SHARED_NAMES: &[(&str, usize)] = &[
    ("Age", 2),
    ("Answer", 2),
    ("Artifact", 2),
    ("Call", 2),
    ("Change", 2),
    ("Chosen", 2),
    ("Circumstances", 2),
    ("Connection", 2),
    ("Content", 3),
    ("Credentials", 2),
    ("Deployer", 2),
    ("Deployment", 2),
    ("Effect", 2),
    ("End", 5),
    ("Ended", 2),
    ("Entry", 4),
    ("Evidence", 2),
    ("Failure", 2),
    ("Finding", 2),
    ("Found", 5),
    ("Group", 2),
    ("Held", 2),
    ("Judgement", 4),
    ("Kind", 2),
    ("Look", 2),
    ("Merged", 2),
    ("MessageLog", 2),
    ("Moment", 2),
    ("Named", 2),
    ("Needs", 2),
    ("Origin", 3),
    ("Pace", 2),
    ("Packed", 2),
    ("Page", 3),
    ("Progress", 2),
    ("Properties", 2),
    ("Query", 2),
    ("Refusal", 2),
    ("Request", 2),
    ("Requirement", 2),
    ("Rules", 2),
    ("Schedule", 2),
    ("Seen", 2),
    ("Selection", 2),
    ("Sent", 2),
    ("Setting", 2),
    ("Shown", 2),
    ("Source", 2),
    ("Stage", 3),
    ("Stamp", 2),
    ("Standing", 2),
    ("Step", 2),
    ("Stop", 2),
    ("Stored", 2),
    ("Surveyed", 2),
    ("Target", 3),
    ("Task", 2),
    ("Tenant", 2),
    ("Trouble", 2),
    ("Wanted", 5),
    ("Watch", 3),
    ("Watched", 3),
    ("Why", 2),
    ("Write", 2),
    ("Written", 2),
];

/// The name of the type that a line declares, if it does. Types of traits and functions stand behind blanks and are none.
fn declared(line: &str) -> Option<&str> {
    let plain = line.trim_start();
    let plain = match plain.split_once(' ') {
        Some((visibility, rest)) if visibility.starts_with("pub") => rest,
        _ => plain,
    };
    let (keyword, rest) = plain.split_once(' ')?;
    let is_type = match keyword {
        "struct" | "enum" | "trait" | "union" => true,
        "type" => !line.starts_with(' '),
        _ => false,
    };
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    // macros declare `$name`
    (is_type && !name.is_empty()).then_some(name)
}

#[test]
fn a_name_stands_for_one_type() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for (at, line) in &source.lines {
            if let Some(name) = declared(line) {
                let place = format!("src/{}:{at}", source.name);
                places.entry(name.to_owned()).or_default().push(place);
            }
        }
    }
    assert!(places.len() > 500, "only {} types are seen", places.len());
    let allowed = |name: &str| {
        let shared = SHARED_NAMES.iter().find(|(shared, _)| *shared == name);
        shared.map_or(1, |(_, count)| *count)
    };
    let too_many: Vec<String> = places
        .iter()
        .filter(|(name, found)| found.len() > allowed(name))
        .map(|(name, found)| format!("{name}: {}", found.join(", ")))
        .collect();
    assert!(
        too_many.is_empty(),
        "a reader who finds a name knows the type: give the newer one a name of its own\n{}",
        too_many.join("\n")
    );
    let count = |name: &str| places.get(name).map_or(0, Vec::len);
    let settled: Vec<String> = SHARED_NAMES
        .iter()
        .filter(|(name, allowed)| count(name) < *allowed || *allowed < 2)
        .map(|(name, _)| format!("{name}: {}", count(name)))
        .collect();
    assert!(
        settled.is_empty(),
        "shorten SHARED_NAMES: these names stand for fewer types by now\n{}",
        settled.join("\n")
    );
}

#[test]
fn nothing_panics_on_purpose() {
    nowhere(
        &["panic!", "unreachable!", ".unwrap()", ".expect("],
        |_| true,
        "a panic in a pipeline is a stack trace instead of a verdict: say it as an error",
    );
}

#[test]
fn the_search_itself_sees_words_and_no_parts_of_words() {
    assert!(holds("use ureq::Agent;", "ureq") && !holds("let ureqs = 1;", "ureq"));
    assert!(holds("x.unwrap();", ".unwrap()") && !holds("x.unwrap_or(1);", ".unwrap()"));
    assert!(holds("std::process::exit(1)", "process::exit"));
    assert_eq!(declared("    pub enum Word {"), Some("Word"));
    assert_eq!(declared("pub(crate) trait Facts: Fields {"), Some("Facts"));
    assert_eq!(declared("type Pairs<'a> = Vec<&'a str>;"), Some("Pairs"));
    assert_eq!(declared("    type Target = str;"), None);
    assert_eq!(declared("let structure = 1;"), None);
    let edge = sources()
        .into_iter()
        .find(|source| source.name == "main.rs")
        .unwrap();
    assert!(
        edge.lines
            .iter()
            .any(|(_, line)| holds(line, "env::vars_os")),
        "the edge is not seen"
    );
}
