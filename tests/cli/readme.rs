//! What README and guide show can be typed, what they say of exit codes is so, and their links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use flowship::cli::Cli;
use flowship::exit::Exit;

use super::golden::steady;
use super::harness::Flowship;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn readme() -> String {
    page("README.md")
}

/// The names of README and all pages of the guide.
fn pages() -> Vec<String> {
    let guide = fs::read_dir(root().join("docs")).expect("the guide is packaged");
    let mut names: Vec<String> = guide
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| format!("docs/{}", path.file_name().unwrap().to_string_lossy()))
        .collect();
    names.sort();
    names.insert(0, "README.md".to_owned());
    names
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
fn every_command_line_is_understood() {
    let mut seen = 0;
    for page_name in pages() {
        for line in command_lines(&page(&page_name)) {
            let Some(arguments) = arguments(&line) else {
                continue;
            };
            seen += 1;
            let all = ["flowship".to_owned()].into_iter().chain(arguments);
            if let Err(error) = Cli::try_parse_from(all) {
                assert!(!error.use_stderr(), "{page_name}: `{line}`\n{error}");
            }
        }
    }
    assert!(seen >= 40, "the pages show only {seen} command lines");
}

#[test]
fn the_readme_takes_ten_minutes() {
    let length = readme().len();
    assert!(length <= 15_000, "README.md has {length} bytes");
}

#[test]
fn the_guide_lists_each_of_its_pages() {
    let contents = page("docs/README.md");
    for name in pages().iter().filter_map(|name| name.strip_prefix("docs/")) {
        let is_listed = name == "README.md" || contents.contains(&format!("]({name})"));
        assert!(is_listed, "docs/README.md does not list {name}");
    }
}

/// The targets of the links of a page, code blocks left out.
fn links(text: &str) -> Vec<String> {
    let mut inside = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    let targets = prose.flat_map(|line| line.split("](").skip(1));
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The anchors of a page: its headings as GitHub writes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            let kept = heading
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let others = [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "ci-examples/README.md",
    ];
    // what is not packaged can't be looked at in a package
    let others = others.iter().filter(|name| root().join(name).exists());
    let mut seen = 0;
    for name in pages().into_iter().chain(others.map(ToString::to_string)) {
        for target in links(&page(&name)) {
            if target.contains("://") {
                continue;
            }
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
            let path = if file.is_empty() {
                name.clone().into()
            } else {
                folder.join(file)
            };
            let is_packaged = root().join("ARCHITECTURE.md").exists();
            assert!(
                root().join(&path).exists() || !is_packaged,
                "{name}: nothing is at {target}"
            );
            if !anchor.is_empty() {
                let text = page(&path.display().to_string());
                assert!(
                    anchors(&text).contains(anchor),
                    "{name}: no heading for {target}"
                );
            }
        }
    }
    assert!(seen >= 40, "only {seen} links are seen");
}

/// All long options of the program.
fn options() -> BTreeSet<String> {
    fn collect(command: &clap::Command, all: &mut BTreeSet<String>) {
        let long = command.get_arguments().filter_map(clap::Arg::get_long);
        all.extend(long.map(|name| format!("--{name}")));
        command.get_subcommands().for_each(|one| collect(one, all));
    }
    let mut all = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    collect(&Cli::command(), &mut all);
    all
}

#[test]
fn the_options_in_the_prose_are_those_of_the_program() {
    // of cargo, pip and the like, in command lines of theirs
    let foreign = ["--release", "--locked", "--path", "--git"];
    let (known, mut seen) = (options(), BTreeSet::new());
    for name in pages() {
        let text = page(&name);
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
        for word in words.filter(|word| word.len() > 3 && word.starts_with("--")) {
            let is_word = word[2..].starts_with(|letter: char| letter.is_ascii_lowercase());
            if !is_word || foreign.contains(&word) {
                continue;
            }
            assert!(known.contains(word), "{name}: there is no option {word}");
            seen.insert(word.to_owned());
        }
    }
    assert!(seen.len() >= 40, "only {} options are seen", seen.len());
}

#[test]
fn the_output_that_the_readme_shows_is_what_the_program_prints() {
    let readme = readme();
    let (_, rest) = readme
        .split_once("<!-- the output of `flowship ")
        .expect("README.md marks an output");
    let (command, rest) = rest.split_once("` -->").unwrap();
    let shown = rest.split("```").nth(1).unwrap().trim_start_matches("text");
    let run = Flowship::new()
        .in_directory(root())
        .args(command.split(' '))
        .run()
        .exit(0);
    let printed = steady(&run.stdout);
    assert_eq!(
        steady(shown.trim_start()),
        printed,
        "left: README.md, right: printed"
    );
    assert!(printed.contains("evidence: "), "{printed}");
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
fn the_paths_in_the_command_lines_exist() {
    for name in pages() {
        for line in command_lines(&page(&name)) {
            for word in arguments(&line).unwrap_or_default() {
                if word.starts_with("ci-examples/") {
                    let is_there = root().join(&word).exists();
                    assert!(is_there, "{name} names {word}, which is not there");
                }
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
