//! The one place where the answer of a write may be lost: call, is it there?, call again. (A deploy or undeploy call is
//! watched instead: the runtime tells late what became of it.)

use std::time::Duration;

use super::outcome::{Message, Verdict, Word};
use crate::clock::{Clock, Deadline};
use crate::http::retry;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::{Lost, Written};

/// How often a write is sent whose answer was lost each time.
const ATTEMPTS: u32 = 5;

/// One write.
pub struct Write<'a> {
    /// What is written, in words.
    pub what: &'a str,
    /// Until when the call may be repeated.
    pub deadline: Deadline,
    /// It creates something, so the refusal of a repeated call may be the echo of one whose answer was lost.
    pub creates: bool,
    /// It follows a write that may not be seen everywhere yet, so the same words may pass.
    pub replaces: bool,
    /// The pause after each attempt, counted from 0.
    pub pause: fn(u32) -> Duration,
}

/// Why the writing of one artifact stops.
pub enum Halt {
    Tenant(Box<TenantError>),
    Verdict(Box<Verdict>),
}

impl From<TenantError> for Halt {
    fn from(error: TenantError) -> Self {
        Halt::Tenant(Box::new(error))
    }
}

impl From<Verdict> for Halt {
    fn from(verdict: Verdict) -> Self {
        Halt::Verdict(Box::new(verdict))
    }
}

/// A write that is not known to be carried out.
pub struct Unwritten {
    /// Why.
    pub halt: Halt,
    /// The first call was refused already, so nothing was written.
    pub refused: bool,
}

impl From<Halt> for Unwritten {
    fn from(halt: Halt) -> Self {
        let refused = false;
        Self { halt, refused }
    }
}

impl<'a> Write<'a> {
    pub fn new(what: &'a str, deadline: Deadline) -> Self {
        Self {
            what,
            deadline,
            creates: false,
            replaces: false,
            pause: retry::backoff,
        }
    }

    /// The same for something that is created.
    pub fn creating(self) -> Self {
        Self {
            creates: true,
            ..self
        }
    }

    /// Calls until there is an answer, or until `look` finds what a call without one has written. Gives what was found,
    /// `None` where a call was answered. `state`: what the tenant holds for sure.
    pub fn carry_out<T>(
        &self,
        clock: &Clock,
        state: &str,
        tell: impl Fn(String),
        call: impl Fn() -> Result<Written, TenantError>,
        look: impl Fn() -> Result<Option<T>, Halt>,
    ) -> Result<Option<T>, Unwritten> {
        let mut attempts = 0;
        let mut said_before = None;
        loop {
            attempts += 1;
            let lost = match call() {
                Ok(Written::Done(_)) => return Ok(None),
                Ok(Written::Lost(lost)) => lost,
                Err(error) if attempts > 1 && self.creates && error.kind == Kind::Refused => {
                    Lost::refused(error)
                }
                Err(error) => {
                    let error = error.of_write(self.what);
                    let (halt, refused) = (error.into(), attempts == 1);
                    return Err(Unwritten { halt, refused });
                }
            };
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            if !self.replaces && lost.is_said_again(said_before.as_deref()) {
                return Err(self.lost(state, attempts, lost).into());
            }
            let pause = (self.pause)(attempts - 1);
            if attempts >= ATTEMPTS || self.deadline.left(clock.now()) <= pause {
                return Err(self.lost(state, attempts, lost).into());
            }
            let came = match lost.said {
                Some(_) => "the tenant refused it, perhaps for now",
                None => "the answer was lost",
            };
            tell(format!(
                "{came} ({}); looked: {} is not written, sending again",
                lost.why, self.what
            ));
            said_before = said_before.or(lost.said);
            clock.sleep(pause);
        }
    }

    /// The end where each answer was lost: in the tenant's own words, where it said something.
    fn lost(&self, state: &str, attempts: u32, lost: Lost) -> Halt {
        if let Some(said) = lost.said {
            return said.of_write(self.what).into();
        }
        let message = Message::new(format!(
            "{} could not be written: the answers of {attempts} attempts were lost",
            self.what
        ))
        .because(lost.why)
        .hint("run again: it looks first what the tenant holds");
        Verdict::bad(Word::Unreachable, state.to_owned(), message).into()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LOST_5: &str = "it could not be written: the answers of 5 attempts were lost";
    const LOST_1: &str = "it could not be written: the answers of 1 attempts were lost";

    /// What the calls answer, one letter each: d(one), l(ost), s(aid with a passing status), r(efused), u(nreachable).
    fn answer(letter: char) -> Result<Written, TenantError> {
        let error = |kind| TenantError {
            kind,
            what: "no".to_owned(),
            at: String::new(),
            says: None,
            hint: None,
        };
        match letter {
            'd' => Ok(Written::Done(Vec::new())),
            'l' => Ok(Written::Lost(Lost {
                why: "cut".to_owned(),
                said: None,
            })),
            's' => Ok(Written::Lost(Lost::refused(error(Kind::Refused)))),
            'r' => Err(error(Kind::Refused)),
            _ => Err(error(Kind::Unreachable)),
        }
    }

    /// What came of it, after so many calls. `found_at`: the look after this call finds it.
    fn ended(answers: &str, found_at: usize, creates: bool, seconds: u64) -> (String, usize) {
        let clock = Clock::start();
        let write = Write {
            creates,
            pause: |_| Duration::ZERO,
            ..Write::new(
                "it",
                Deadline {
                    at: Duration::from_secs(seconds),
                },
            )
        };
        let calls = Cell::new(0);
        let call = || {
            let letter = answers.chars().nth(calls.replace(calls.get() + 1));
            answer(letter.unwrap_or('l'))
        };
        let look = || Ok((calls.get() == found_at).then_some(()));
        let words = match write.carry_out(&clock, "state", drop, call, look) {
            Ok(None) => "answered".to_owned(),
            Ok(Some(())) => "found".to_owned(),
            Err(Unwritten { refused: true, .. }) => "refused".to_owned(),
            Err(Unwritten {
                halt: Halt::Tenant(error),
                ..
            }) => format!("{:?}", error.kind),
            Err(Unwritten {
                halt: Halt::Verdict(verdict),
                ..
            }) => verdict.message.unwrap_or_default().what,
        };
        (words, calls.get())
    }

    #[test]
    fn a_lost_write_is_looked_up_before_it_is_sent_again() {
        for (answers, found_at, creates, seconds, expected, calls) in [
            ("d", 0, false, 9, "answered", 1),
            ("ld", 0, false, 9, "answered", 2),
            ("l", 1, false, 9, "found", 1),
            ("ll", 2, false, 9, "found", 2),
            // the first refusal is one; a later one only where nothing is created
            ("r", 1, true, 9, "refused", 1),
            ("r", 1, false, 9, "refused", 1),
            ("lr", 0, false, 9, "Refused", 2),
            ("lr", 2, true, 9, "found", 2),
            ("lrd", 0, true, 9, "answered", 3),
            ("lu", 0, true, 9, "Unreachable", 2),
            // the same words again are final
            ("sd", 0, false, 9, "answered", 2),
            ("ssd", 0, true, 9, "Refused", 2),
            ("slsd", 0, false, 9, "Refused", 3),
            // after the last attempt what the tenant said counts
            ("lllll", 0, true, 9, LOST_5, 5),
            ("llllr", 0, true, 9, "Refused", 5),
            // no time is left
            ("ld", 0, false, 0, LOST_1, 1),
        ] {
            let found = ended(answers, found_at, creates, seconds);
            assert_eq!(
                found,
                (expected.to_owned(), calls),
                "{answers}, {found_at}, {creates}, {seconds}"
            );
        }
    }
}
