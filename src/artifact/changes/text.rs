//! The unified diff of two texts, made so that a person can read it in a log: long lines are cut around what differs, markup
//! that lies on one line is broken between its tags, and what cannot be seen is said in a note.

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// How many equal lines are shown around a changed one.
const CONTEXT: usize = 3;
/// The longest line that is shown as it is, in characters.
const LONGEST_LINE: usize = 200;
/// How many characters of a cut line are shown before the first one that differs.
const BEFORE_DIFFERENCE: usize = 60;
/// From this length on, in bytes, a line of markup is broken between its tags. The first line of most flows, with its
/// namespaces, is shorter: these keep the numbers of their lines.
const BROKEN_FROM: usize = 2_000;
/// The most lines of one diff, headers of hunks included.
const MOST_LINES: usize = 400;
/// The most lines of a text that is compared by lines: texts that have little in common take time by the square of these.
const MOST_COMPARED: usize = 50_000;

/// In what two texts differ: from what the tenant holds (`-`) to what Git has (`+`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextDiff {
    /// Unified diff with three lines of context: `@@ -a,b +c,d @@` headers and lines that begin with ` `, `-` or `+`, each
    /// ended by a line feed. Tabs stay; other control characters of the files may be in it. Blanks at the end of a changed
    /// line are shown as `·`, tabs there as `→`. Empty where only line ends or blanks between tags differ.
    pub hunks: String,
    /// How many lines Git has and the tenant has not, those that were cut off included.
    pub added: usize,
    /// How many lines the tenant has and Git has not, those that were cut off included.
    pub removed: usize,
    /// How many lines of the diff were cut off because it is too long.
    pub more: usize,
    /// What the lines do not show, in words, such as `only whitespace differs`.
    pub notes: Vec<&'static str>,
}

impl TextDiff {
    /// How much differs, on one line: `+2 -1` and the notes.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if self.added + self.removed > 0 {
            parts.push(format!("+{} -{}", self.added, self.removed));
        }
        parts.extend(self.notes.iter().map(|note| (*note).to_owned()));
        parts.join("; ")
    }

    /// The lines of the diff, and how many were cut off.
    pub fn lines(&self) -> Vec<String> {
        let shown = self.hunks.split_terminator('\n').map(str::to_owned);
        let more = (self.more > 0).then(|| format!("… {} more lines", self.more));
        shown.chain(more).collect()
    }
}

/// The difference of two texts that are not equal; `None` when they have too many lines.
pub fn diff(tenant: &str, git: &str) -> Option<TextDiff> {
    let broken = has_long_markup(tenant) || has_long_markup(git);
    let (old, new) = (lines(tenant, broken), lines(git, broken));
    if old.len().max(new.len()) > MOST_COMPARED {
        return None;
    }
    let operations = capture_diff_slices(Algorithm::Myers, &texts(&old), &texts(&new));
    let mut diff = TextDiff {
        notes: notes(&old, &new, &operations, broken),
        ..TextDiff::default()
    };
    for operation in &operations {
        let (_, old, new) = operation.as_tag_tuple();
        if !matches!(operation, DiffOp::Equal { .. }) {
            diff.removed += old.len();
            diff.added += new.len();
        }
    }
    let mut shown = DiffText::default();
    for hunk in group_diff_ops(operations, CONTEXT) {
        shown.hunk(&old, &new, &hunk);
    }
    diff.more = shown.count.saturating_sub(MOST_LINES);
    diff.hunks = shown.text;
    Some(diff)
}

/// A line without its end.
#[derive(Debug, Clone, Copy)]
struct DiffLine<'a> {
    text: &'a str,
    end: End,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    LineFeed,
    CarriageReturn,
    /// Broken here only, to be read.
    Broken,
    /// The end of the file.
    File,
}

fn lines(text: &str, broken: bool) -> Vec<DiffLine<'_>> {
    let mut lines = Vec::new();
    for natural in text.split_inclusive('\n') {
        let (line, end) = match natural.strip_suffix('\n') {
            None => (natural, End::File),
            Some(line) => match line.strip_suffix('\r') {
                None => (line, End::LineFeed),
                Some(line) => (line, End::CarriageReturn),
            },
        };
        let mut rest = line;
        while let Some(end) = rest.find("><").filter(|_| broken) {
            let (text, after) = rest.split_at(end + 1);
            lines.push(DiffLine {
                text,
                end: End::Broken,
            });
            rest = after;
        }
        lines.push(DiffLine { text: rest, end });
    }
    lines
}

fn has_long_markup(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    start.starts_with('<') && text.lines().any(|line| line.len() > BROKEN_FROM)
}

/// What is compared: the text, and whether the file ends without a line break there.
fn texts<'a>(lines: &[DiffLine<'a>]) -> Vec<(&'a str, bool)> {
    lines
        .iter()
        .map(|line| (line.text, line.end == End::File))
        .collect()
}

fn notes(
    old: &[DiffLine<'_>],
    new: &[DiffLine<'_>],
    operations: &[DiffOp],
    broken: bool,
) -> Vec<&'static str> {
    let equal = operations
        .iter()
        .all(|operation| matches!(operation, DiffOp::Equal { .. }));
    let mut notes = Vec::new();
    let marked = |lines: &[DiffLine<'_>]| {
        lines
            .first()
            .is_some_and(|l| l.text.starts_with('\u{feff}'))
    };
    match (marked(old), marked(new)) {
        (true, false) => notes.push("only the tenant has a byte order mark"),
        (false, true) => notes.push("only Git has a byte order mark"),
        _ => {}
    }
    match line_ends(old, new, operations) {
        Some(note) if equal => notes.extend(["only line ends differ", note]),
        Some(note) => notes.push(note),
        None if equal => notes.push("only line breaks between tags differ"),
        None => {}
    }
    if !equal && solid(old).eq(solid(new)) {
        notes.push("only whitespace differs");
    }
    if broken && !equal {
        notes.push("long lines are broken between tags, and counted so");
    }
    notes
}

/// Whether lines of equal text end differently.
fn line_ends(
    old: &[DiffLine<'_>],
    new: &[DiffLine<'_>],
    operations: &[DiffOp],
) -> Option<&'static str> {
    let mut differing = operations
        .iter()
        .filter_map(|operation| match operation {
            DiffOp::Equal {
                old_index,
                new_index,
                len,
            } => Some((&old[*old_index..][..*len], &new[*new_index..][..*len])),
            _ => None,
        })
        .flat_map(|(old, new)| old.iter().zip(new))
        .map(|(old, new)| (old.end, new.end))
        .filter(|(old, new)| old != new && *old != End::Broken && *new != End::Broken);
    let first = differing.next()?;
    let same = differing.all(|pair| pair == first);
    Some(match first {
        (End::CarriageReturn, _) if same => "line ends: CRLF on the tenant, LF in Git",
        (_, End::CarriageReturn) if same => "line ends: LF on the tenant, CRLF in Git",
        _ => "line ends: CRLF and LF are mixed",
    })
}

fn solid<'a>(lines: &'a [DiffLine<'_>]) -> impl Iterator<Item = char> + 'a {
    lines
        .iter()
        .flat_map(|line| line.text.chars())
        .filter(|c| !c.is_whitespace())
}

/// The diff as it grows, up to its limit.
#[derive(Default)]
struct DiffText {
    text: String,
    count: usize,
}

impl DiffText {
    fn hunk(&mut self, old: &[DiffLine<'_>], new: &[DiffLine<'_>], operations: &[DiffOp]) {
        let (Some(first), Some(last)) = (operations.first(), operations.last()) else {
            return;
        };
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        self.push(format_args!(
            "@@ -{} +{} @@",
            position(&old_range),
            position(&new_range)
        ));
        for operation in operations {
            let (old, new) = (&old[operation.old_range()], &new[operation.new_range()]);
            if matches!(operation, DiffOp::Equal { .. }) {
                for line in new {
                    self.line(' ', line, &beginning(line.text));
                }
                continue;
            }
            for (index, line) in old.iter().enumerate() {
                let other = new.get(index).map_or("", |line| line.text);
                self.line('-', line, &visible_end(&around(line.text, other)));
            }
            for (index, line) in new.iter().enumerate() {
                let other = old.get(index).map_or("", |line| line.text);
                self.line('+', line, &visible_end(&around(line.text, other)));
            }
        }
    }

    fn line(&mut self, sign: char, line: &DiffLine<'_>, text: &str) {
        self.push(format_args!("{sign}{text}"));
        if line.end == End::File {
            self.push(format_args!("\\ No newline at end of file"));
        }
    }

    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        self.count += 1;
        if self.count <= MOST_LINES {
            self.text.push_str(&format!("{line}\n"));
        }
    }
}

/// `first,count` as `diff -u` counts: an empty range stands after the line before it, a count of one is left out.
fn position(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn visible_end(line: &str) -> String {
    let text = line.trim_end_matches([' ', '\t']);
    let blanks = line[text.len()..]
        .chars()
        .map(|c| if c == '\t' { '→' } else { '·' });
    text.chars().chain(blanks).collect()
}

/// The beginning of a line, cut where it is too long.
pub fn beginning(line: &str) -> String {
    window(line, 0)
}

/// A line, cut so that the first character in which it differs from another one is shown.
pub fn around(line: &str, other: &str) -> String {
    let common = line
        .chars()
        .zip(other.chars())
        .take_while(|(one, two)| one == two)
        .count();
    window(line, common.saturating_sub(BEFORE_DIFFERENCE))
}

/// At most [`LONGEST_LINE`] characters from one on; `…` stands for what is left out.
fn window(line: &str, from: usize) -> String {
    // a character has at least one byte
    if line.len() <= LONGEST_LINE {
        return line.to_owned();
    }
    let length = line.chars().count();
    let from = from.min(length.saturating_sub(LONGEST_LINE));
    let before = if from > 0 { "…" } else { "" };
    let after = if length - from > LONGEST_LINE {
        "…"
    } else {
        ""
    };
    let shown: String = line.chars().skip(from).take(LONGEST_LINE).collect();
    format!("{before}{shown}{after}")
}
