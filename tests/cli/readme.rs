//! What the README shows can be typed, and what it says of exit codes is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Parser;
use flowship::cli::Cli;
use flowship::exit::Exit;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(path)
        .expect("README.md is part of the program: it holds its contract with users")
}

/// The command lines of code blocks, with continued lines joined.
fn command_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut inside, mut continued) = (false, String::new());
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continued.clear();
            continue;
        }
        if !inside {
            continue;
        }
        let line = line.trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        if let Some(first) = line.strip_suffix('\\') {
            continued.push_str(first);
            continue;
        }
        lines.push(std::mem::take(&mut continued) + line);
    }
    lines
}

/// The words of a command line, as a shell would give them to the first program in it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut begun, mut quote) = (String::new(), false, None);
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            (_, Some(_)) => word.push(letter),
            ('\'' | '"', None) => (quote, begun) = (Some(letter), true),
            ('#', None) if !begun && word.is_empty() => break,
            ('|' | '>' | ';' | '&', None) => break,
            (' ' | '\t', None) => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// What the program gets of a line, if it is one that starts the program.
fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    // variables before the command belong to the shell
    let assigned = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        })
    };
    let words: Vec<String> = words.iter().skip_while(assigned).cloned().collect();
    match words.first().map(String::as_str) {
        Some("cargo") if words.get(1).is_some_and(|word| word == "run") => {
            let at = words.iter().position(|word| word == "--")?;
            Some(words[at + 1..].to_vec())
        }
        Some(program) if program == "flowship" || program.ends_with("/flowship") => {
            Some(words[1..].to_vec())
        }
        _ => None,
    }
}

#[test]
fn every_command_line_of_the_readme_is_understood() {
    let mut seen = 0;
    for line in command_lines(&readme()) {
        let Some(arguments) = arguments(&line) else {
            continue;
        };
        seen += 1;
        let all = ["flowship".to_owned()].into_iter().chain(arguments);
        if let Err(error) = Cli::try_parse_from(all) {
            assert!(!error.use_stderr(), "README.md: `{line}`\n{error}");
        }
    }
    assert!(seen >= 3, "the README shows only {seen} command lines");
}

#[test]
fn the_readme_begins_with_the_command_that_does_it_all() {
    let deploys = command_lines(&readme())
        .iter()
        .filter_map(|line| arguments(line))
        .any(|words| {
            words.first().is_some_and(|word| word == "deploy")
                && words.iter().any(|word| word == "--sandbox")
        });
    assert!(
        deploys,
        "no `deploy ... --sandbox`: the main job on a fresh machine"
    );
}

#[test]
fn the_paths_in_the_readmes_command_lines_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for line in command_lines(&readme()) {
        for word in arguments(&line).unwrap_or_default() {
            if word.starts_with("ci-examples/") {
                assert!(
                    root.join(&word).exists(),
                    "README.md names {word}, which is not there"
                );
            }
        }
    }
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_program() {
    let expected: BTreeSet<(String, String)> = Exit::ALL
        .iter()
        .map(|exit| (exit.code().to_string(), exit.name().to_owned()))
        .collect();
    let mut told = BTreeSet::new();
    let readme = readme();
    let table = readme
        .lines()
        .skip_while(|line| !line.starts_with("| code |"))
        .take_while(|line| line.starts_with('|'));
    for line in table {
        let cells: Vec<&str> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [codes, name, ..] = cells.as_slice() else {
            continue;
        };
        for code in codes.split(',').map(|code| code.trim().trim_matches('`')) {
            if !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit()) {
                told.insert((code.to_owned(), (*name).to_owned()));
            }
        }
    }
    assert_eq!(told, expected, "left: README.md, right: src/exit.rs");
}

#[test]
fn the_reader_of_command_lines_reads_as_a_shell_does() {
    let text = "```sh\n$ CPI_URL=x flowship deploy 'a b' \\\n    --set K=\"v w\" # why\ncargo run --release -- check x | cat\nls\n```\nflowship not inside\n";
    let found: Vec<Vec<String>> = command_lines(text)
        .iter()
        .filter_map(|line| arguments(line))
        .collect();
    assert_eq!(
        found,
        [vec!["deploy", "a b", "--set", "K=v w"], vec!["check", "x"]]
    );
}
