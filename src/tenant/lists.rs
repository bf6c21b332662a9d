//! Lists: the artifacts of a package, everything that runs. One list instead of thirty lookups.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::meaning::date_of;
use super::odata::{self, Page, TenantTime, literal};
use super::pace::Bucket;
use super::reading::{Again, Reading};
use super::roles::Role;
use super::wire::{ArtifactId, DesigntimeArtifact, PackageId, RuntimeArtifact};
use super::{Tenant, entity_prefix};
use crate::artifact::ArtifactKind;
use crate::clock::Deadline;

/// How many pages of a list are followed.
const MOST_PAGES: usize = 1_000;
/// The page size of tenants that name no next page (cpi-api.md §10).
const PAGE: usize = 1_000;

/// Everything that the runtime shows.
#[derive(Clone, Debug, Default)]
pub struct RuntimeList {
    /// The records by artifact.
    pub records: BTreeMap<ArtifactId, RuntimeArtifact>,
    /// The `Date` header of the first page's answer.
    pub answered: Option<TenantTime>,
}

/// A record of the list, which says whose it is.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    record: RuntimeArtifact,
}

impl Tenant {
    /// The artifacts of one type in a package. No tenant-wide list is documented for flows and script collections
    /// (cpi-api.md §4.2).
    pub fn designtime_artifacts(
        &self,
        kind: ArtifactKind,
        package: &PackageId,
        deadline: Deadline,
    ) -> Result<Reading<Vec<DesigntimeArtifact>>, TenantError> {
        let first = format!(
            "IntegrationPackages({})/{}DesigntimeArtifacts",
            literal(&package.0),
            entity_prefix(kind)
        );
        self.all_pages(&first, |path| {
            let ask = Ask::get(Bucket::Designtime, Role::PackagesRead, path.to_owned());
            self.read(&ask, deadline, |answer| odata::collection(&answer.body))
        })
    }

    /// Everything that runs, repeated like any read.
    pub fn runtime_artifacts(&self, deadline: Deadline) -> Result<RuntimeList, TenantError> {
        let mut answered = None;
        let listed = self.all_pages(RUNTIME, |path| {
            let page = self.read(&runtime_page(path), deadline, |answer| {
                Some((odata::collection::<Listed>(&answer.body)?, date_of(answer)))
            })?;
            Ok(first_date(page, &mut answered))
        })?;
        match listed {
            Reading::Found(listed) => Ok(runtime_list(listed, answered)),
            Reading::Missing(_) => Err(self.not_listed(RUNTIME)),
        }
    }

    /// Everything that runs, asked once; `None` when there was no whole answer of the API.
    pub fn runtime_artifacts_once(
        &self,
        deadline: Deadline,
    ) -> Result<Option<RuntimeList>, TenantError> {
        let mut answered = None;
        let listed = self.all_pages(RUNTIME, |path| {
            let page = self.read_once(&runtime_page(path), deadline, |answer| {
                Some((odata::collection::<Listed>(&answer.body)?, date_of(answer)))
            });
            match page {
                Ok(page) => Ok(first_date(page, &mut answered)),
                Err(Again::Never(error) | Again::Perhaps(error, _)) => Err(*error),
            }
        });
        match listed {
            Ok(Reading::Found(listed)) => Ok(Some(runtime_list(listed, answered))),
            Err(error) if matches!(error.kind, Kind::Credentials | Kind::Role) => Err(error),
            Ok(Reading::Missing(_)) | Err(_) => Ok(None),
        }
    }

    /// Follows a list to its end, page after page, on our host whatever host the links name.
    pub(super) fn all_pages<T: DeserializeOwned>(
        &self,
        first: &str,
        mut page: impl FnMut(&str) -> Result<Reading<Page<T>>, TenantError>,
    ) -> Result<Reading<Vec<T>>, TenantError> {
        let mut all = Vec::new();
        let mut path = first.to_owned();
        for _ in 0..MOST_PAGES {
            let page = match page(&path)? {
                Reading::Found(page) => page,
                Reading::Missing(date) => return Ok(Reading::Missing(date)),
            };
            let length = page.results.len();
            all.extend(page.results);
            path = match page.next {
                Some(link) => self.below_root(&link, first)?,
                None if length == PAGE => skipping(first, all.len()),
                None => return Ok(Reading::Found(all)),
            };
        }
        Err(self.endless(first))
    }

    /// The path below the service root of a link to the next page.
    fn below_root(&self, link: &str, first: &str) -> Result<String, TenantError> {
        let path = match link.split_once("/api/v1/") {
            Some((_, path)) => Some(path),
            None => (!link.contains("://") && !link.starts_with('/')).then_some(link),
        };
        path.map(str::to_owned).ok_or_else(|| self.endless(first))
    }

    /// A list whose end can't be reached is not the list.
    fn endless(&self, path: &str) -> TenantError {
        TenantError {
            kind: Kind::Nonsense,
            what: "the tenant's list has pages that can't be followed".to_owned(),
            at: format!("GET {}", self.credentials.url.api(path)),
            says: None,
            hint: None,
        }
    }

    fn not_listed(&self, path: &str) -> TenantError {
        TenantError {
            what: "the tenant does not list what runs".to_owned(),
            at: format!("GET {} → 404", self.credentials.url.api(path)),
            ..self.endless(path)
        }
    }
}

const RUNTIME: &str = "IntegrationRuntimeArtifacts";

fn runtime_page(path: &str) -> Ask<'static> {
    Ask::get(Bucket::Runtime, Role::MonitoringRead, path.to_owned())
}

/// The page alone; its date is kept when it is the first.
fn first_date<T>(
    page: Reading<(Page<T>, Option<TenantTime>)>,
    answered: &mut Option<TenantTime>,
) -> Reading<Page<T>> {
    match page {
        Reading::Found((page, date)) => {
            *answered = answered.or(date);
            Reading::Found(page)
        }
        Reading::Missing(date) => Reading::Missing(date),
    }
}

fn runtime_list(listed: Vec<Listed>, answered: Option<TenantTime>) -> RuntimeList {
    RuntimeList {
        records: listed
            .into_iter()
            .map(|one| (ArtifactId(one.id), one.record))
            .collect(),
        answered,
    }
}

/// The path of what follows after so many.
fn skipping(first: &str, count: usize) -> String {
    let separator = if first.contains('?') { '&' } else { '?' };
    format!("{first}{separator}$skip={count}")
}
