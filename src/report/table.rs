//! The live table of a run over several artifacts: one line for each, redrawn in place, on a terminal that a person
//! looks at. What it shows is a pure function of where the artifacts stand.

use std::io::{self, Write};
use std::time::Duration;

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};

use super::progress::Volume;
use super::text::Style;
use crate::clock::Moment;
use crate::deploy::outcome::Word;
use crate::settings::environment::Environment;
use crate::text::disarm;
use crate::text::redactor::Redactor;

/// The shortest time between two drawings.
const REDRAW_EVERY: Duration = Duration::from_millis(100);
/// Between two columns.
const GAP: &str = "  ";
/// Where a text is cut.
const CUT: &str = "…";
/// Every verdict, as it is read from the progress of an artifact.
const VERDICTS: [Word; 12] = [
    Word::Started,
    Word::Unchanged,
    Word::Uploaded,
    Word::Undeployed,
    Word::Absent,
    Word::Failed,
    Word::Refused,
    Word::Invalid,
    Word::Undecided,
    Word::Superseded,
    Word::Unreachable,
    Word::Skipped,
];

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

impl Size {
    /// The size of the terminal behind standard error, else what `COLUMNS` and `LINES` say. `None` when nobody knows it,
    /// or when that terminal can't move its cursor: then nothing can be drawn in place.
    #[must_use]
    pub fn of_terminal(environment: &Environment) -> Option<Self> {
        let terminal = Term::stderr();
        // on Windows the question also switches the console to understanding escape sequences
        let moves = if cfg!(windows) {
            terminal.features().colors_supported()
        } else {
            environment.get("TERM").is_none_or(|term| term != "dumb")
        };
        if !moves {
            return None;
        }
        let (height, width) = terminal.size_checked().map_or_else(
            || {
                let number = |name| environment.get(name)?.trim().parse().ok();
                Some((number("LINES")?, number("COLUMNS")?))
            },
            |(height, width)| Some((usize::from(height), usize::from(width))),
        )?;
        (height > 1 && width > 1).then_some(Self { width, height })
    }
}

/// Where one artifact stands, as far as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Nothing was told about it yet.
    Waiting,
    /// Something is done with it.
    Moving {
        /// When the first thing was told.
        since: Moment,
        /// When the last thing was told.
        told: Moment,
        /// The last thing told.
        doing: String,
    },
    /// It has its verdict.
    Ended {
        /// The verdict.
        word: Word,
        /// How long it was in motion.
        took: Duration,
    },
}

/// One artifact and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    id: String,
    stand: Stand,
}

impl Row {
    /// An artifact whose turn has not come.
    #[must_use]
    pub fn waiting(id: &str) -> Self {
        Self {
            id: disarm(id),
            stand: Stand::Waiting,
        }
    }

    /// An artifact that had its verdict before the run began.
    #[must_use]
    pub fn ended(id: &str, word: Word) -> Self {
        let took = Duration::ZERO;
        Self {
            stand: Stand::Ended { word, took },
            ..Self::waiting(id)
        }
    }

    /// Takes what was told at `now`: a verdict word, or what is done.
    fn hear(&mut self, text: String, now: Moment) {
        let since = match self.stand {
            Stand::Waiting => now,
            Stand::Moving { since, .. } => since,
            Stand::Ended { took, .. } => now.saturating_sub(took),
        };
        let verdict = VERDICTS.into_iter().find(|word| word.as_str() == text);
        self.stand = match verdict {
            Some(word) => Stand::Ended {
                word,
                took: now.saturating_sub(since),
            },
            None => Stand::Moving {
                since,
                told: now,
                doing: text,
            },
        };
    }

    /// The verdict, or how else it is counted.
    fn counted_as(&self) -> &'static str {
        match self.stand {
            Stand::Waiting => "waiting",
            Stand::Moving { .. } => "in motion",
            Stand::Ended { word, .. } => word.as_str(),
        }
    }

    fn told(&self) -> Option<Moment> {
        match self.stand {
            Stand::Moving { told, .. } => Some(told),
            Stand::Waiting | Stand::Ended { .. } => None,
        }
    }
}

/// How the lines of a table look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Colours or none.
    pub style: Style,
    /// The run is against a simulated tenant, which every line says.
    pub simulated: bool,
}

/// The lines of the table: all artifacts, or, when the terminal is too low for them, those about which something was
/// told last and a line that counts all. No line is wider than the terminal, and one line stays free.
#[must_use]
pub fn lines(rows: &[Row], now: Moment, size: Size, look: Look) -> Vec<String> {
    let room = size.height.saturating_sub(1);
    let too_many = rows.len() > room;
    let shown = if too_many {
        last_told(rows, room.saturating_sub(1))
    } else {
        rows.iter().collect()
    };
    let longest = shown.iter().map(|row| measure_text_width(&row.id)).max();
    let id_width = longest.unwrap_or(0).min(size.width * 2 / 5);
    let mut lines: Vec<String> = shown
        .into_iter()
        .map(|row| line(row, id_width, now, size.width, look))
        .collect();
    if too_many {
        lines.push(cut(&format!("{}{}", mark(look), counts(rows)), size.width));
    }
    lines
}

/// At most so many of the artifacts in motion, those about which something was told last, in the order of the run.
fn last_told(rows: &[Row], most: usize) -> Vec<&Row> {
    let moving = rows.iter().enumerate();
    let mut moving: Vec<(Moment, usize)> = moving
        .filter_map(|(place, row)| Some((row.told()?, place)))
        .collect();
    moving.sort_by(|(one, at), (other, there)| other.cmp(one).then(at.cmp(there)));
    moving.truncate(most);
    let mut places: Vec<usize> = moving.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    places
        .into_iter()
        .filter_map(|place| rows.get(place))
        .collect()
}

/// `12 started, 1 failed, 4 in motion, 3 waiting`.
fn counts(rows: &[Row]) -> String {
    let words = VERDICTS.into_iter().map(Word::as_str);
    words
        .chain(["in motion", "waiting"])
        .filter_map(|word| {
            let count = rows.iter().filter(|row| row.counted_as() == word).count();
            (count > 0).then(|| format!("{count} {word}"))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// One artifact: its id, seconds, what is done.
fn line(row: &Row, id_width: usize, now: Moment, width: usize, look: Look) -> String {
    let (took, doing, code) = match &row.stand {
        Stand::Waiting => (None, "waiting", None),
        Stand::Moving { since, doing, .. } => {
            (Some(now.saturating_sub(*since)), doing.as_str(), None)
        }
        Stand::Ended { word, took } => (Some(*took), word.as_str(), Some(colour(*word))),
    };
    let took = took
        .map(|took| format!("{} s", took.as_secs()))
        .unwrap_or_default();
    let id = pad_str(&row.id, id_width, Alignment::Left, Some(CUT));
    let head = cut(&format!("{}{id}{GAP}{took:>6}{GAP}", mark(look)), width);
    let room = width.saturating_sub(measure_text_width(&head));
    let doing = cut(&with_short_guids(doing), room);
    match code {
        Some(code) if !doing.is_empty() => head + &look.style.paint(code, &doing),
        _ => head + &doing,
    }
}

/// A text whose GUIDs are cut to their beginnings: what follows the id of a task says more than the rest of it.
fn with_short_guids(text: &str) -> String {
    let short = |word: &str| match word.split_at_checked(8) {
        Some((beginning, _)) if is_guid(word) => format!("{beginning}{CUT}"),
        _ => word.to_owned(),
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// `d61e04b0-9f4e-99a2-9c9b-3f90282268f8`.
fn is_guid(word: &str) -> bool {
    let parts = word.split('-');
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.split('-').all(is_hex) && parts.map(str::len).eq([8, 4, 4, 4, 12])
}

/// The same colours as in the result.
fn colour(word: Word) -> &'static str {
    match word {
        Word::Started | Word::Unchanged | Word::Uploaded | Word::Undeployed | Word::Absent => "32",
        Word::Failed
        | Word::Refused
        | Word::Invalid
        | Word::Undecided
        | Word::Superseded
        | Word::Unreachable
        | Word::Skipped => "31",
    }
}

fn mark(look: Look) -> &'static str {
    if look.simulated { "SIMULATED " } else { "" }
}

/// The beginning of a text, as wide as there is room.
fn cut(text: &str, room: usize) -> String {
    if room == 0 {
        return String::new();
    }
    truncate_str(text, room, CUT).into_owned()
}

/// Whether a run over several artifacts shows a table rather than plain lines: somebody looks, and nobody asked for more
/// words or fewer.
#[must_use]
pub fn is_wanted(terminal: bool, in_ci: bool, volume: Volume) -> bool {
    terminal && !in_ci && volume == Volume::Normal
}

/// The table of one run.
pub struct Table {
    rows: Vec<Row>,
    look: Look,
    redactor: Redactor,
    size: Box<dyn Fn() -> Option<Size>>,
    last_size: Size,
    /// The lines that are on the terminal now; the cursor stands at the end of the last one.
    drawn: Vec<String>,
    next: Moment,
}

impl Table {
    /// A table of these artifacts; `size` asks for the terminal's. `None` when the size is not known.
    #[must_use]
    pub fn new(
        rows: Vec<Row>,
        look: Look,
        redactor: Redactor,
        size: impl Fn() -> Option<Size> + 'static,
    ) -> Option<Self> {
        Some(Self {
            rows,
            look,
            redactor,
            last_size: size()?,
            size: Box::new(size),
            drawn: Vec::new(),
            next: Moment::ZERO,
        })
    }

    /// Takes what was told about an artifact at `now`. False when it has no place in the table: a warning must stay to
    /// be read, and what is about no artifact of the run is a line of its own.
    #[must_use]
    pub fn hear(&mut self, artifact: &str, text: &str, now: Moment) -> bool {
        let id = disarm(artifact);
        match self.rows.iter_mut().find(|row| row.id == id) {
            Some(row) if !text.starts_with("warning:") => {
                // masked before it is cut: half a secret is not found any more
                row.hear(disarm(&self.redactor.clean(text)), now);
                true
            }
            _ => false,
        }
    }

    /// Draws the table, when it looks different from before and was not drawn just now.
    pub fn draw(&mut self, now: Moment, err: &mut dyn Write) -> io::Result<()> {
        if now < self.next {
            return Ok(());
        }
        self.next = now + REDRAW_EVERY;
        self.last_size = (self.size)().unwrap_or(self.last_size);
        let lines = lines(&self.rows, now, self.last_size, self.look);
        if lines == self.drawn {
            return Ok(());
        }
        let drawing = erased(&self.drawn) + &lines.join("\n");
        self.drawn = lines;
        show(&drawing, err)
    }

    /// Takes the table from the terminal, so that something else can be written; the next drawing brings it back.
    pub fn clear(&mut self, err: &mut dyn Write) -> io::Result<()> {
        let erased = erased(&self.drawn);
        self.drawn.clear();
        self.next = Moment::ZERO;
        show(&erased, err)
    }
}

/// What empties the lines, from the last one up, and leaves the cursor where they began.
fn erased(lines: &[String]) -> String {
    let up: Vec<&str> = lines.iter().map(|_| "\r\u{1b}[2K").collect();
    up.join("\u{1b}[1A")
}

/// Writes a drawing in one piece, so that no half table is seen.
fn show(drawing: &str, err: &mut dyn Write) -> io::Result<()> {
    if drawing.is_empty() {
        return Ok(());
    }
    err.write_all(drawing.as_bytes())?;
    err.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Look {
        Look {
            style: Style::new(false),
            simulated: false,
        }
    }

    fn seconds(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    /// An artifact about which these things were told, each at its second.
    fn row(id: &str, told: &[(u64, &str)]) -> Row {
        let mut row = Row::waiting(id);
        for (at, text) in told {
            row.hear((*text).to_owned(), seconds(*at));
        }
        row
    }

    #[test]
    fn each_artifact_has_a_line_with_what_is_done_and_for_how_long() {
        let rows = [
            row(
                "Orders",
                &[(1, "reading"), (3, "uploading (new, 12 bytes)")],
            ),
            row("Invoices_to_ERP", &[(1, "reading"), (9, "started")]),
            row("Scripts", &[]),
        ];
        assert_eq!(
            lines(&rows, seconds(13), size(80, 24), plain()),
            [
                "Orders             12 s  uploading (new, 12 bytes)",
                "Invoices_to_ERP     8 s  started",
                "Scripts                  waiting",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let rows = [
            row(
                "A_very_long_id_of_an_artifact",
                &[(0, "deployment accepted, task 1")],
            ),
            row("B", &[(0, "started")]),
            row(
                "注文書の変換と転送のための統合フロー",
                &[(0, "注文書の変換と転送のための統合フロー")],
            ),
        ];
        let look = Look {
            simulated: true,
            style: Style::new(true),
        };
        for width in 2..70 {
            for line in lines(&rows, seconds(5), size(width, 24), look) {
                let text = line.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
                assert!(measure_text_width(&text) <= width, "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn a_long_id_leaves_room_for_what_is_done() {
        let rows = [row(
            "A_very_long_id_of_an_artifact",
            &[(0, "uploading (12 bytes)")],
        )];
        assert_eq!(
            lines(&rows, seconds(5), size(40, 24), plain()),
            ["A_very_long_id_…     5 s  uploading (12…"]
        );
    }

    #[test]
    fn a_low_terminal_shows_what_was_told_last_and_counts_all() {
        let mut rows: Vec<Row> = (0..12).map(|_| row("done", &[(0, "started")])).collect();
        rows.push(row("broken", &[(0, "failed")]));
        rows.push(row("old", &[(1, "reading")]));
        rows.push(row("newest", &[(1, "reading"), (8, "uploading")]));
        rows.push(row("newer", &[(1, "reading"), (7, "uploading")]));
        rows.push(row("later", &[]));
        assert_eq!(
            lines(&rows, seconds(9), size(80, 4), plain()),
            [
                "newest     8 s  uploading",
                "newer      8 s  uploading",
                "12 started, 1 failed, 3 in motion, 1 waiting",
            ]
        );
        assert_eq!(
            lines(&rows, seconds(9), size(20, 2), plain()),
            ["12 started, 1 faile…"]
        );
    }

    #[test]
    fn every_line_of_a_simulated_run_says_so() {
        let look = Look {
            simulated: true,
            ..plain()
        };
        let rows: Vec<Row> = (0..5).map(|_| row("A", &[(0, "reading")])).collect();
        let lines = lines(&rows, seconds(1), size(80, 4), look);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.starts_with("SIMULATED ")));
    }

    #[test]
    fn verdicts_have_the_colours_of_the_result() {
        let look = Look {
            style: Style::new(true),
            ..plain()
        };
        let rows = [row("A", &[(0, "started")]), row("B", &[(0, "failed")])];
        assert_eq!(
            lines(&rows, seconds(1), size(80, 24), look),
            [
                "A     0 s  \u{1b}[32mstarted\u{1b}[0m",
                "B     0 s  \u{1b}[31mfailed\u{1b}[0m",
            ]
        );
    }

    #[test]
    fn the_id_of_a_task_does_not_hide_what_follows_it() {
        let told = "task d61e04b0-9f4e-99a2-9c9b-3f90282268f8 DEPLOYING; runtime STARTING";
        assert_eq!(
            lines(&[row("A", &[(0, told)])], seconds(1), size(80, 24), plain()),
            ["A     1 s  task d61e04b0… DEPLOYING; runtime STARTING"]
        );
    }

    #[test]
    fn an_artifact_that_was_not_valid_has_its_verdict_from_the_beginning() {
        let rows = [Row::ended("A", Word::Invalid)];
        assert_eq!(
            lines(&rows, seconds(1), size(80, 24), plain()),
            ["A     0 s  invalid"]
        );
    }

    #[test]
    fn a_table_is_for_people_who_look() {
        assert!(is_wanted(true, false, Volume::Normal));
        assert!(!is_wanted(false, false, Volume::Normal));
        assert!(!is_wanted(true, true, Volume::Normal));
        assert!(!is_wanted(true, false, Volume::Quiet));
        assert!(!is_wanted(true, false, Volume::Verbose));
    }

    /// What stands on a terminal of this width after it was sent `bytes`.
    fn shown(bytes: &[u8], width: usize) -> Vec<String> {
        let (mut screen, mut row, mut column) = (vec![Vec::new()], 0, 0);
        let text = std::str::from_utf8(bytes).unwrap();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => (row, column) = (row + 1, 0),
                '\r' => column = 0,
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['));
                    let sequence: String = chars.by_ref().take(2).collect();
                    let places = sequence[..1].parse::<usize>().unwrap();
                    match &sequence[1..] {
                        "A" => row -= places,
                        "B" => row += places,
                        "K" => screen[row] = Vec::new(),
                        _ => panic!("unexpected sequence {sequence}"),
                    }
                }
                _ => {
                    assert!(column < width, "a line wraps: {text}");
                    let line: &mut Vec<char> = &mut screen[row];
                    line.resize(column.max(line.len()) + 1, ' ');
                    line[column] = c;
                    line.truncate(width);
                    column += 1;
                }
            }
            if screen.len() <= row {
                screen.resize(row + 1, Vec::new());
            }
        }
        let lines = screen.iter().map(|line| line.iter().collect());
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn table(redactor: &Redactor) -> Table {
        let rows = vec![Row::waiting("A"), Row::waiting("B"), Row::waiting("C")];
        Table::new(rows, plain(), redactor.clone(), || Some(size(20, 24))).unwrap()
    }

    #[test]
    fn a_table_is_redrawn_in_place() {
        let mut table = table(&Redactor::new());
        let mut err = b"greeting\n".to_vec();
        table.draw(seconds(0), &mut err).unwrap();
        assert!(table.hear("A", "reading", seconds(1)));
        table.draw(seconds(2), &mut err).unwrap();
        assert!(table.hear("A", "a text that has no room", seconds(3)));
        assert!(table.hear("B", "reading", seconds(3)));
        table.draw(seconds(4), &mut err).unwrap();
        assert_eq!(
            shown(&err, 20),
            [
                "greeting",
                "A     3 s  a text t…",
                "B     1 s  reading",
                "C          waiting",
            ]
        );
    }

    #[test]
    fn a_cleared_table_leaves_nothing_behind_and_comes_back_below() {
        let mut table = table(&Redactor::new());
        let mut err = b"greeting\n".to_vec();
        table.draw(seconds(0), &mut err).unwrap();
        table.clear(&mut err).unwrap();
        assert_eq!(shown(&err, 20), ["greeting"]);
        table.clear(&mut err).unwrap();
        err.extend(b"a warning\n");
        table.draw(seconds(0), &mut err).unwrap();
        assert_eq!(
            shown(&err, 20),
            [
                "greeting",
                "a warning",
                "A          waiting",
                "B          waiting",
                "C          waiting",
            ]
        );
    }

    #[test]
    fn what_looks_the_same_is_not_drawn_again_and_nothing_is_drawn_too_often() {
        let mut table = table(&Redactor::new());
        let mut err = Vec::new();
        table.draw(seconds(0), &mut err).unwrap();
        let once = err.len();
        table.draw(seconds(60), &mut err).unwrap();
        assert_eq!(err.len(), once);
        assert!(table.hear("A", "reading", seconds(60)));
        table
            .draw(seconds(60) + REDRAW_EVERY / 2, &mut err)
            .unwrap();
        assert_eq!(err.len(), once);
        table.draw(seconds(60) + REDRAW_EVERY, &mut err).unwrap();
        assert!(err.len() > once);
    }

    #[test]
    fn warnings_and_what_is_about_no_artifact_stay_lines() {
        let mut table = table(&Redactor::new());
        assert!(!table.hear("A", "warning: needs B", seconds(1)));
        assert!(!table.hear("D", "reading", seconds(1)));
        assert!(table.rows.iter().all(|row| row.stand == Stand::Waiting));
    }

    #[test]
    fn a_secret_is_masked_before_it_is_cut() {
        let redactor = Redactor::new();
        redactor.add("hunter2hunter2");
        let mut table = table(&redactor);
        assert!(table.hear("A", "it's hunter2hunter2", seconds(0)));
        let mut err = Vec::new();
        table.draw(seconds(0), &mut err).unwrap();
        assert_eq!(shown(&err, 20)[0], "A     0 s  it's ***");
    }

    #[test]
    fn there_is_no_table_on_a_terminal_of_unknown_size() {
        let rows = vec![Row::waiting("A"), Row::waiting("B")];
        assert!(Table::new(rows, plain(), Redactor::new(), || None).is_none());
    }
}
