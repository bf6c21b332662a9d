//! Reads: repeated until there is an answer of the API, or until trying is of no more use.

use std::fs::File;
use std::io::{Read, Seek};

use serde::de::DeserializeOwned;

use super::Tenant;
use super::attempts::Attempts;
use super::error::{TenantError, is_permanent};
use super::exchange::{Ask, Trouble};
use super::explain::no_temporary_file;
use super::meaning::{Meaning, date_of, is_missing, meaning};
use super::odata::{self, Page, TenantTime};
use crate::clock::Deadline;
use crate::http::Answer;

/// How often a read is repeated when the tenant is not available.
const READ_ATTEMPTS: u32 = 10;
/// How often a read is repeated when its answer makes no sense.
const NONSENSE_ATTEMPTS: u32 = 6;

/// What became of a read.
#[derive(Debug)]
pub enum Reading<T> {
    /// There it is.
    Found(T),
    /// The API's own "not found", and the tenant's clock when it answered.
    Missing(Option<TenantTime>),
}

impl<T> Reading<T> {
    /// The same of something else.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Reading::Found(found) => Reading::Found(of(found)),
            Reading::Missing(date) => Reading::Missing(date),
        }
    }

    /// What was found.
    pub fn found(self) -> Option<T> {
        match self {
            Reading::Found(found) => Some(found),
            Reading::Missing(_) => None,
        }
    }
}

/// Why a read failed.
pub struct FailedRead {
    /// Why.
    pub error: TenantError,
    /// How many attempts it is worth in all; one where it is final.
    pub most: u32,
}

/// Whether a file begins as a zip does.
fn holds_a_zip(mut file: &File) -> bool {
    let mut head = [0; 2];
    let read = file.rewind().and_then(|()| file.read_exact(&mut head));
    read.is_ok() && &head == b"PK"
}

impl Tenant {
    /// Reads until there is an answer of the API that `parse` understands, or until trying is of no more use.
    pub fn read<T>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        parse: impl Fn(&Answer) -> Option<T>,
    ) -> Result<Reading<T>, TenantError> {
        let mut attempts = Attempts::new(&self.clock, deadline);
        loop {
            match self.read_once(ask, deadline, &parse) {
                Ok(reading) => return Ok(reading),
                Err(failed) if attempts.again(failed.most) => {}
                Err(failed) => return Err(failed.error),
            }
        }
    }

    /// Asks once; tells whether asking again may help.
    pub fn read_once<T>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        parse: impl Fn(&Answer) -> Option<T>,
    ) -> Result<Reading<T>, FailedRead> {
        let failed = |error, most| Err(FailedRead { error, most });
        let answer = match self.exchange(ask, deadline) {
            Ok(answer) => answer,
            Err(Trouble::Final(error)) => return failed(*error, 1),
            Err(Trouble::Network(error)) => {
                return failed(self.unreachable(ask, &error), error.attempts());
            }
        };
        match meaning(&answer) {
            Meaning::Good => match parse(&answer) {
                Some(found) => Ok(Reading::Found(found)),
                None => failed(self.nonsense(ask, &answer), NONSENSE_ATTEMPTS),
            },
            Meaning::Says(text) if is_missing(answer.status, &text) => {
                Ok(Reading::Missing(date_of(&answer)))
            }
            _ if answer.status == 403 => failed(self.forbidden(ask, &answer), 1),
            Meaning::Says(text) if answer.status >= 500 => {
                // 501: this tenant does not have the call, and will not have it in a second
                let is_final = answer.status == 501 || answer.status == 500 && is_permanent(&text);
                let most = if is_final { 1 } else { NONSENSE_ATTEMPTS };
                failed(self.refused(ask, &answer, &text), most)
            }
            Meaning::Says(text) => failed(self.refused(ask, &answer, &text), 1),
            Meaning::Page => failed(self.nonsense(ask, &answer), NONSENSE_ATTEMPTS),
            Meaning::Down => failed(self.down(ask, &answer), READ_ATTEMPTS),
        }
    }

    /// Reads an entity.
    pub fn read_entity<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
    ) -> Result<Reading<T>, TenantError> {
        self.read(ask, deadline, |answer| odata::entity(&answer.body))
    }

    /// Reads a page of a list.
    pub fn read_page<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
    ) -> Result<Reading<Page<T>>, TenantError> {
        self.read(ask, deadline, |answer| odata::collection(&answer.body))
    }

    /// Reads an archive into an unnamed file, positioned at its start; repeated like any read.
    pub fn read_archive(
        &self,
        ask: Ask<'_>,
        deadline: Deadline,
    ) -> Result<Reading<File>, TenantError> {
        let mut file = tempfile::tempfile().map_err(|error| no_temporary_file(&error))?;
        let ask = Ask {
            sink: Some(&file),
            ..ask
        };
        let reading = self.read(&ask, deadline, |answer| {
            (answer.status == 200 && !answer.cut && holds_a_zip(&file)).then_some(())
        })?;
        file.rewind().map_err(|error| no_temporary_file(&error))?;
        Ok(reading.map(|()| file))
    }
}
