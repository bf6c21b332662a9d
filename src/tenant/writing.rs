//! Writes: sent once; repeated here is only what certainly did not arrive. A write whose answer was lost is looked up by
//! its caller before it is sent again.

use super::Tenant;
use super::attempts::Attempts;
use super::error::{TenantError, is_permanent};
use super::exchange::{Ask, Trouble};
use super::meaning::{Meaning, meaning, told};
use super::odata;
use crate::clock::Deadline;
use crate::http::{Answer, SendError, Sent};
use crate::text::Words;
use crate::text::redactor::Redactor;

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// Carried out; the answer's body, possibly empty.
    Done(Vec<u8>),
    /// Perhaps carried out: the answer was lost, or is none of the API.
    Lost(Lost),
}

/// Why it is not known whether a write was carried out.
#[derive(Debug)]
pub struct Lost {
    /// What came instead of an answer.
    pub why: String,
    /// What the API itself said, with a status that does not tell whether it means it.
    pub said: Option<Box<TenantError>>,
}

/// What a write that got no answer leaves behind. When the head of a 2xx answer arrived, the work was done.
fn lost_on_the_way(error: &SendError, redactor: &Redactor) -> Written {
    match error.status {
        Some(200..=299) => Written::Done(Vec::new()),
        _ => Lost::because(Words::new(error.reason(), redactor).to_string()),
    }
}

impl Lost {
    /// A refusal that may be the echo of an earlier attempt whose answer was lost.
    pub fn refused(error: TenantError) -> Self {
        Self {
            why: error.to_string(),
            said: Some(Box::new(error)),
        }
    }

    /// Whether the API said the same words before, and so means them. What it says of a broken session passes.
    pub fn is_said_again(&self, before: Option<&TenantError>) -> bool {
        let said = self.said.as_deref();
        let is_same = said
            .zip(before)
            .is_some_and(|(one, other)| one.says == other.says);
        is_same && !said.is_some_and(TenantError::tells_of_a_session)
    }

    fn because(why: String) -> Written {
        Written::Lost(Lost { why, said: None })
    }
}

impl Tenant {
    /// Writes once; repeats only what certainly did not arrive. `answers` tells whether a 2xx answer is one that this
    /// call gives: a proxy's page with status 200 is none.
    pub fn write(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Written, TenantError> {
        let mut attempts = Attempts::new(&self.clock, deadline);
        loop {
            match self.exchange(ask, deadline) {
                Ok(answer) => return self.write_meaning(ask, &answer, answers),
                Err(Trouble::Final(error)) => return Err(*error),
                Err(Trouble::Network(error)) if error.sent == Sent::Maybe => {
                    return Ok(lost_on_the_way(&error, &self.redactor));
                }
                Err(Trouble::Network(error)) if attempts.again(error.attempts()) => {}
                Err(Trouble::Network(error)) => return Err(self.unreachable(ask, &error)),
            }
        }
    }

    fn write_meaning(
        &self,
        ask: &Ask<'_>,
        answer: &Answer,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Written, TenantError> {
        match meaning(answer) {
            Meaning::Good if answers(answer) => Ok(Written::Done(answer.body.clone())),
            Meaning::Good => Ok(Lost::because(format!(
                "status {} with a body that this call never gives",
                answer.status
            ))),
            _ if answer.status == 403 => Err(self.forbidden(ask, answer)),
            Meaning::Says(text)
                if answer.status < 500
                    || answer.status == 501
                    || (answer.status == 500 && is_permanent(&text))
                    || (ask.words_decide && odata::is_error_of_the_api(&answer.body)) =>
            {
                Err(self.refused(ask, answer, &text))
            }
            Meaning::Says(text) => Ok(Written::Lost(Lost {
                why: format!("status {}: {}", answer.status, self.own_words(ask, &text)),
                said: (answer.status == 500).then(|| Box::new(self.refused(ask, answer, &text))),
            })),
            Meaning::Page if (400..500).contains(&answer.status) && answer.status != 404 => {
                Err(self.refused(ask, answer, ""))
            }
            Meaning::Page | Meaning::Down => {
                Ok(Lost::because(match told(answer, &self.redactor) {
                    Some(words) => format!(
                        "status {}, not an answer of the API: {words}",
                        answer.status
                    ),
                    None => format!("status {} without a body", answer.status),
                }))
            }
        }
    }
}
