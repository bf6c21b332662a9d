//! One artifact out of a tenant, as a zip that was opened and guarded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use tempfile::NamedTempFile;

use crate::artifact::{Artifact, ArtifactError, ArtifactKind};
use crate::http::retry;
use crate::query::Query;
use crate::tenant::Reading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::ArtifactId;

/// How often a zip that arrives damaged is fetched.
const ATTEMPTS: u32 = 3;

/// An artifact that was fetched. Its zip lies in a temporary file that goes with it.
pub struct Fetched {
    /// The artifact.
    pub artifact: Artifact,
    _zip: NamedTempFile,
}

/// Fetches the latest state of an artifact. The zip is not trusted: the guards of [`Artifact::open`] hold.
pub fn fetch(
    query: &Query<'_>,
    kind: ArtifactKind,
    id: &ArtifactId,
) -> Result<Fetched, TenantError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        query.in_time()?;
        let file = match query.tenant.download(kind, id, query.deadline)? {
            Reading::Found(file) => file,
            Reading::Missing(_) => return Err(gone(query, id)),
        };
        match opened(file) {
            Ok(fetched) => return Ok(fetched),
            Err(error) if attempt >= ATTEMPTS => return Err(unreadable(query, id, &error)),
            Err(_) => query.clock.sleep(retry::backoff(attempt - 1)),
        }
    }
}

/// The values that are configured for an artifact.
pub fn configured(
    query: &Query<'_>,
    id: &ArtifactId,
) -> Result<BTreeMap<String, String>, TenantError> {
    let all = query.tenant.configurations(id, query.deadline)?;
    Ok(all.into_iter().map(|one| (one.key, one.value)).collect())
}

fn opened(mut file: File) -> Result<Fetched, ArtifactError> {
    let unwritable = |source| ArtifactError::Write {
        at: tempfile::env::temp_dir().display().to_string(),
        source,
    };
    let mut zip = NamedTempFile::with_prefix("flowship-").map_err(unwritable)?;
    io::copy(&mut file, zip.as_file_mut()).map_err(unwritable)?;
    Ok(Fetched {
        artifact: Artifact::open(zip.path())?,
        _zip: zip,
    })
}

fn gone(query: &Query<'_>, id: &ArtifactId) -> TenantError {
    TenantError {
        kind: Kind::NotFound,
        what: format!("{id} was listed, and its content is not found"),
        at: query.tenant.host().to_owned(),
        says: None,
        hint: Some("somebody may have deleted it meanwhile: run again".to_owned()),
    }
}

fn unreadable(query: &Query<'_>, id: &ArtifactId, error: &ArtifactError) -> TenantError {
    TenantError {
        kind: Kind::Nonsense,
        what: format!("the content of {id} that the tenant gives out can't be used"),
        at: query.tenant.host().to_owned(),
        says: Some(query.tenant.words(&without_path(error))),
        hint: None,
    }
}

/// An error without the path of the temporary file, which tells a reader nothing.
fn without_path(error: &ArtifactError) -> String {
    let text = error.to_string();
    match text.split_once("flowship-") {
        Some((_, rest)) => rest
            .split_once(": ")
            .map_or(rest, |(_, rest)| rest)
            .to_owned(),
        None => text,
    }
}
