//! The one printer of lines for people: whatever they are made of, they steer neither a terminal nor a CI system.

use std::fmt::Display;
use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::text::{disarm, disarm_source};

/// Colours, as SGR sequences name them.
const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const CYAN: &str = "36";
const RED_AND_BOLD: &str = "1;31";
const RESET: &str = "0";

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// A style that colours or does not.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[{RESET}m")
        } else {
            text.to_owned()
        }
    }

    /// A word for something that would be written.
    pub(super) fn change(self, word: &str) -> String {
        self.paint(YELLOW, word)
    }

    /// A word for something that is as it must be.
    pub(super) fn good(self, word: &str) -> String {
        self.paint(GREEN, word)
    }

    /// A word for something that is not well.
    pub(super) fn bad(self, word: &str) -> String {
        self.paint(RED, word)
    }

    /// A word for something that ended with this code.
    pub(super) fn end(self, exit: Exit, word: &str) -> String {
        match exit {
            Exit::Ok => self.good(word),
            _ => self.bad(word),
        }
    }

    /// A line of a diff, coloured by how it begins.
    pub(super) fn diff(self, line: &str) -> String {
        match line.chars().next() {
            Some('+') => self.good(line),
            Some('-') => self.bad(line),
            Some('@') => self.paint(CYAN, line),
            _ => line.to_owned(),
        }
    }

    /// A line made fit to be printed. Its blanks stay, and of control sequences the colours above, if there are any at all.
    fn disarmed(self, line: &str) -> String {
        if !self.colour {
            return disarm_source(line);
        }
        let mut pieces = line.split('\u{1b}');
        let mut safe = disarm_source(pieces.next().unwrap_or_default());
        for piece in pieces {
            let colours = [GREEN, RED, YELLOW, CYAN, RED_AND_BOLD, RESET];
            let colours = colours.map(|code| format!("[{code}m"));
            safe += &match colours.iter().find(|code| piece.starts_with(*code)) {
                Some(code) => format!("\u{1b}{code}{}", disarm_source(&piece[code.len()..])),
                None => disarm_source(&format!("\u{1b}{piece}")),
            };
        }
        safe
    }
}

/// What every line about a simulated tenant begins with.
pub(super) fn mark(simulated: bool) -> &'static str {
    if simulated { "SIMULATED " } else { "" }
}

/// Lines for people, each with the mark of a simulated tenant.
pub struct Page {
    /// Colours, or none.
    pub style: Style,
    /// Digests, and the evidence of what is well, are printed too.
    pub verbose: bool,
    mark: &'static str,
    text: String,
}

impl Page {
    /// A page without lines.
    pub fn new(simulated: bool, style: Style) -> Self {
        Self {
            style,
            verbose: false,
            mark: mark(simulated),
            text: String::new(),
        }
    }

    /// A page of plain lines.
    pub fn plain() -> Self {
        Self::new(false, Style::new(false))
    }

    /// Adds a line. Its blanks stay as they are.
    pub fn line(&mut self, line: impl Display) {
        let line = self.style.disarmed(&line.to_string());
        self.push("", &line);
    }

    /// Adds a text behind its label, which stays as it is; the text becomes one line.
    pub fn item(&mut self, label: &str, text: impl Display) {
        self.push(label, &disarm(&text.to_string()));
    }

    /// Adds each of these texts behind the same label.
    pub fn items(&mut self, label: &str, texts: impl IntoIterator<Item: Display>) {
        texts.into_iter().for_each(|text| self.item(label, text));
    }

    /// The same for the first of them; the last line counts those beyond `most`.
    pub fn first_items(
        &mut self,
        label: &str,
        texts: impl ExactSizeIterator<Item: Display>,
        most: usize,
    ) {
        let more = texts.len().saturating_sub(most);
        self.items(label, texts.take(most));
        if more > 0 {
            self.item(label, format_args!("and {more} more"));
        }
    }

    /// Adds rows with their columns below each other.
    pub fn table(&mut self, indent: &str, rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widths = cells.map(|cell| measure_text_width(cell));
            widths.max().unwrap_or_default()
        };
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths);
            let cells = cells.map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None));
            let line = cells.collect::<Vec<_>>().join("  ");
            self.line(format_args!("{indent}{}", line.trim_end()));
        }
    }

    /// Adds one message: what, where, why, what next.
    pub fn message(&mut self, artifact: Option<&str>, message: &Message) {
        let artifact = artifact.map(|id| format!("{id}: ")).unwrap_or_default();
        let error = self.style.paint(RED_AND_BOLD, "error:");
        let what = format_args!("{artifact}{}", message.what);
        self.item(&format!("{error} "), what);
        self.items("  at:    ", &message.at);
        self.items("  cause: ", &message.causes);
        self.items("  rollback: ", &message.rollback);
        self.items("  hint:  ", &message.hint);
    }

    fn push(&mut self, label: &str, line: &str) {
        for part in [self.mark, label, line, "\n"] {
            self.text.push_str(part);
        }
    }

    /// Writes all lines.
    pub fn print(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(page: Page) -> String {
        let mut out = Vec::new();
        page.print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_our_own_colours_reach_a_terminal() {
        let hostile = "a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{202e}d ##[error]e";
        for colour in [false, true] {
            let mut page = Page::new(true, Style::new(colour));
            let good = page.style.good("started");
            page.line(format_args!("{good}  {hostile}"));
            page.item("  note: ", hostile);
            let text = printed(page);
            let without_colours = text.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
            let is_safe = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
            assert!(without_colours.chars().all(is_safe), "{text:?}");
            assert!(!text.contains("##["), "{text:?}");
            assert_eq!(text.contains("\u{1b}[32mstarted\u{1b}[0m  a"), colour);
            assert!(text.lines().all(|line| line.starts_with("SIMULATED ")));
        }
    }

    #[test]
    fn a_text_behind_its_label_becomes_one_line_and_a_line_keeps_its_blanks() {
        let mut page = Page::plain();
        page.item("  hint:  ", "do\n  this");
        page.line("  a   b");
        assert_eq!(printed(page), "  hint:  do this\n  a   b\n");
    }

    #[test]
    fn columns_are_as_wide_as_what_is_seen_of_them() {
        let mut page = Page::new(false, Style::new(true));
        let good = page.style.good("STARTED");
        page.table(
            "  ",
            &[
                vec!["A".into(), good, "x".into()],
                vec!["BC".into(), "-".into(), "y".into()],
            ],
        );
        assert_eq!(
            printed(page),
            "  A   \u{1b}[32mSTARTED\u{1b}[0m  x\n  BC  -        y\n"
        );
    }
}
