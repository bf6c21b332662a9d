//! The live table of a run over several artifacts, on a terminal: a line that counts all, and one line for each artifact.

use std::io;
use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::page::{Style, mark};
use super::progress::Volume;
use crate::clock::Moment;
use crate::deploy::outcome::Word;
use crate::inventory::tally;
use crate::settings::environment::Environment;
use crate::text::disarm;
use crate::text::redactor::Redactor;

/// The widest column of ids, in characters; longer ids are cut.
const WIDEST_ID: usize = 32;
/// Where a text is cut.
const CUT: &str = "…";

/// The state of one artifact, as far as events told it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RowState {
    Waiting,
    Moving { since: Moment, doing: String },
    Decided { word: Word, took: Duration },
}

/// One artifact of the run.
struct Row {
    id: String,
    state: RowState,
    bar: ProgressBar,
}

/// How the lines of a table look.
#[derive(Clone, Copy, Debug)]
pub struct TableLook {
    /// Colours or none.
    pub style: Style,
    /// The run is against a simulated tenant, which the line of counts says.
    pub simulated: bool,
}

/// Whether a run over several artifacts shows a table rather than plain lines: a person looks at a terminal that can move
/// its cursor, and asked for neither more nor fewer words.
pub fn is_wanted(terminal: bool, in_ci: bool, volume: Volume, environment: &Environment) -> bool {
    let moves = environment.get("TERM").is_none_or(|term| term != "dumb");
    terminal && moves && !in_ci && volume == Volume::Normal
}

/// The table of one run.
pub struct Table {
    bars: MultiProgress,
    counts: ProgressBar,
    rows: Vec<Row>,
    look: TableLook,
    redactor: Redactor,
    /// Rows of decided artifacts stay, because all rows fit on the terminal.
    all_fit: bool,
}

impl Table {
    /// A table of these artifacts on standard error. `rows`: their ids, each with its verdict where it has one already.
    pub fn new<'a>(
        rows: impl Iterator<Item = (&'a str, Option<Word>)>,
        look: TableLook,
        redactor: Redactor,
    ) -> Self {
        let height = usize::from(console::Term::stderr().size().0);
        Self::on(ProgressDrawTarget::stderr(), height, rows, look, redactor)
    }

    fn on<'a>(
        target: ProgressDrawTarget,
        height: usize,
        rows: impl Iterator<Item = (&'a str, Option<Word>)>,
        look: TableLook,
        redactor: Redactor,
    ) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let line = ProgressStyle::with_template("{wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let new_bar = || bars.add(ProgressBar::new_spinner().with_style(line.clone()));
        let counts = new_bar();
        let row = |(id, verdict): (&str, Option<Word>)| Row {
            id: id.to_owned(),
            state: match verdict {
                Some(word) => RowState::Decided {
                    word,
                    took: Duration::ZERO,
                },
                None => RowState::Waiting,
            },
            bar: new_bar(),
        };
        let rows: Vec<Row> = rows.map(row).collect();
        // the counts and the line of the cursor need room too
        let all_fit = rows.len() + 2 <= height;
        Self {
            bars,
            counts,
            rows,
            look,
            redactor,
            all_fit,
        }
    }

    /// Takes what was told about an artifact at `now`. False when it has no place in the table: a warning must stay to
    /// be read, and what is about no artifact of the run is a line of its own.
    pub fn hear(&mut self, artifact: &str, text: &str, now: Moment) -> bool {
        // masked before it is cut: half a secret would not be recognized
        let doing = disarm(&self.redactor.clean(text));
        let Some(row) = self.row(artifact).filter(|_| !text.starts_with("warning:")) else {
            return false;
        };
        let since = match row.state {
            RowState::Moving { since, .. } => since,
            RowState::Waiting | RowState::Decided { .. } => now,
        };
        row.state = RowState::Moving { since, doing };
        true
    }

    /// Takes the verdict about an artifact at `now`. False when it has no place in the table.
    pub fn decide(&mut self, artifact: &str, word: Word, now: Moment) -> bool {
        let Some(row) = self.row(artifact) else {
            return false;
        };
        let took = match row.state {
            RowState::Moving { since, .. } => now.saturating_sub(since),
            RowState::Waiting => Duration::ZERO,
            RowState::Decided { took, .. } => took,
        };
        row.state = RowState::Decided { word, took };
        true
    }

    fn row(&mut self, artifact: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.id == artifact)
    }

    /// Brings every line up to date. May be called often: the terminal is drawn at most twenty times a second.
    pub fn draw(&self, now: Moment) {
        let mark = mark(self.look.simulated);
        set(&self.counts, format!("{mark}{}", counts(&self.rows)));
        let widest = self
            .rows
            .iter()
            .map(|row| measure_text_width(&row.id))
            .max();
        let id_width = widest.unwrap_or(0).min(WIDEST_ID);
        for row in &self.rows {
            match &row.state {
                // where not all fit, the lines are for those that are still in motion
                RowState::Waiting | RowState::Decided { .. } if !self.all_fit => {
                    row.bar.finish_and_clear();
                }
                state => set(
                    &row.bar,
                    line(&row.id, state, id_width, now, self.look.style),
                ),
            }
        }
    }

    /// Writes a line above the table, where it stays.
    pub fn line(&self, text: &str) -> io::Result<()> {
        self.bars.println(text)
    }

    /// Removes the table from the terminal; the next drawing brings it back.
    pub fn clear(&self) -> io::Result<()> {
        self.bars.clear()
    }
}

/// Sets a line, where it changed.
fn set(bar: &ProgressBar, text: String) {
    if bar.is_finished() {
        bar.reset();
    }
    if bar.message() != text {
        bar.set_message(text);
    }
}

/// `12 started, 1 failed, 4 in motion, 3 waiting`.
fn counts(rows: &[Row]) -> String {
    let name = |state: &RowState| match state {
        RowState::Waiting => "waiting",
        RowState::Moving { .. } => "in motion",
        RowState::Decided { word, .. } => word.name(),
    };
    let words = Word::ALL.into_iter().map(Word::name);
    let count = |word| rows.iter().filter(|row| name(&row.state) == word).count();
    let words = words.chain(["in motion", "waiting"]);
    let counted = words.map(|word| (count(word), word));
    tally(counted.filter(|(number, _)| *number > 0))
}

/// One artifact: its id, seconds, what is done.
fn line(id: &str, state: &RowState, id_width: usize, now: Moment, style: Style) -> String {
    let (took, doing) = match state {
        RowState::Waiting => (String::new(), "waiting".to_owned()),
        RowState::Moving { since, doing } => {
            (seconds(now.saturating_sub(*since)), with_short_guids(doing))
        }
        RowState::Decided { word, took } => (seconds(*took), style.end(word.exit(), word.name())),
    };
    let id = disarm(id);
    let id = pad_str(&id, id_width, Alignment::Left, Some(CUT));
    format!("{id}  {took:>6}  {doing}")
}

fn seconds(took: Duration) -> String {
    format!("{} s", took.as_secs())
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
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.split('-').all(is_hex) && word.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    fn look(simulated: bool) -> TableLook {
        TableLook {
            style: Style::new(false),
            simulated,
        }
    }

    /// A table on a terminal of this size, with artifacts of these names.
    fn table(width: u16, height: u16, ids: &[&str]) -> (Table, InMemoryTerm) {
        let terminal = InMemoryTerm::new(height, width);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
        let redactor = Redactor::new();
        redactor.add("hunter2hunter2");
        let rows = ids.iter().map(|id| (*id, None));
        (
            Table::on(target, usize::from(height), rows, look(true), redactor),
            terminal,
        )
    }

    /// What stands on the terminal after one more drawing.
    fn shown(table: &Table, terminal: &InMemoryTerm, at: u64) -> Vec<String> {
        table.draw(Moment::from_secs(at));
        // the last drawings may still wait for their turn
        for row in &table.rows {
            row.bar.force_draw();
        }
        table.counts.force_draw();
        let text = terminal.contents();
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    #[test]
    fn each_artifact_has_a_line_with_what_is_done_and_for_how_long() {
        let (mut table, terminal) = table(80, 24, &["Orders", "Invoices_to_ERP", "Scripts"]);
        assert!(table.hear("Orders", "reading", Moment::from_secs(1)));
        assert!(table.hear("Orders", "uploading (new, 12 bytes)", Moment::from_secs(3)));
        assert!(table.hear("Invoices_to_ERP", "reading", Moment::from_secs(1)));
        assert!(table.decide("Invoices_to_ERP", Word::Started, Moment::from_secs(9)));
        assert_eq!(
            shown(&table, &terminal, 13),
            [
                "SIMULATED 1 started, 1 in motion, 1 waiting",
                "Orders             12 s  uploading (new, 12 bytes)",
                "Invoices_to_ERP     8 s  started",
                "Scripts                  waiting",
            ]
        );
    }

    #[test]
    fn a_low_terminal_shows_what_is_in_motion_and_counts_all() {
        let ids: Vec<String> = (0..12).map(|number| format!("Flow_{number}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (mut table, terminal) = table(60, 8, &ids);
        for id in &ids[..9] {
            assert!(table.decide(id, Word::Started, Moment::from_secs(1)));
        }
        assert!(table.hear("Flow_10", "runtime STARTING", Moment::from_secs(2)));
        let now = shown(&table, &terminal, 5);
        assert_eq!(
            now,
            [
                "SIMULATED 9 started, 1 in motion, 2 waiting",
                "Flow_10     3 s  runtime STARTING",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "A_very_long_id_of_an_artifact_that_nobody_would_choose";
        let (mut table, terminal) = table(40, 24, &[long, "注文書の変換と転送"]);
        for id in [long, "注文書の変換と転送"] {
            assert!(table.hear(id, "uploading (new, 12345678 bytes)", Moment::ZERO));
        }
        let lines = shown(&table, &terminal, 5);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[1].starts_with("A_very_long_id_of_an_artifact_t…"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_line_above_the_table_stays_and_a_cleared_table_leaves_nothing_behind() {
        let (table, terminal) = table(60, 24, &["A", "B"]);
        shown(&table, &terminal, 0);
        table.line("a warning").unwrap();
        assert_eq!(shown(&table, &terminal, 0)[0], "a warning");
        table.clear().unwrap();
        assert_eq!(terminal.contents().trim(), "a warning");
    }

    #[test]
    fn warnings_and_what_is_about_no_artifact_stay_lines() {
        let (mut table, _) = table(60, 24, &["A"]);
        assert!(!table.hear("A", "warning: needs B", Moment::ZERO));
        assert!(!table.hear("D", "reading", Moment::ZERO));
        assert!(!table.decide("D", Word::Failed, Moment::ZERO));
        assert_eq!(table.rows[0].state, RowState::Waiting);
    }

    #[test]
    fn a_secret_is_masked_before_it_is_cut() {
        let (mut table, terminal) = table(22, 24, &["A"]);
        assert!(table.hear("A", "it's hunter2hunter2", Moment::ZERO));
        assert_eq!(shown(&table, &terminal, 0)[1], "A     0 s  it's ***");
    }

    #[test]
    fn the_id_of_a_task_does_not_hide_what_follows_it() {
        let told = "task d61e04b0-9f4e-99a2-9c9b-3f90282268f8 DEPLOYING; runtime STARTING";
        assert_eq!(
            with_short_guids(told),
            "task d61e04b0… DEPLOYING; runtime STARTING"
        );
    }

    #[test]
    fn verdicts_have_the_colours_of_the_result() {
        for (word, expected) in [
            (Word::Started, "32"),
            (Word::Absent, "32"),
            (Word::Undecided, "31"),
        ] {
            let shown = Style::new(true).end(word.exit(), word.name());
            assert!(shown.starts_with(&format!("\u{1b}[{expected}m")), "{shown}");
        }
    }

    #[test]
    fn a_table_is_for_people_who_look() {
        let environment = Environment::default();
        let dumb = Environment::default().with("TERM", "dumb");
        let wanted = |terminal, in_ci, volume| is_wanted(terminal, in_ci, volume, &environment);
        assert!(wanted(true, false, Volume::Normal));
        assert!(!wanted(false, false, Volume::Normal));
        assert!(!wanted(true, true, Volume::Normal));
        assert!(!wanted(true, false, Volume::Quiet));
        assert!(!wanted(true, false, Volume::Verbose));
        assert!(!is_wanted(true, false, Volume::Normal, &dumb));
    }
}
