//! Lists: the artifacts of a package, everything that runs. One list instead of thirty lookups.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::Tenant;
use super::designtime::entity_prefix;
use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::meaning::date_of;
use super::odata::{self, Page, TenantTime, literal};
use super::reading::Reading;
use super::security_material::Named;
use super::service_endpoints::{Deployed, ServiceEndpoint};
use super::wire::{
    ArtifactId, Configuration, DesigntimeArtifact, IntegrationPackage, PackageId, RuntimeArtifact,
};
use crate::artifact::ArtifactKind;
use crate::clock::Deadline;
use crate::http::Answer;

/// How many pages of a list are followed.
const MOST_PAGES: usize = 1_000;
/// How many entries a list may have: several times as many as the largest tenant, and a bound on memory.
const MOST_ENTRIES: usize = 10_000;
/// How many pages in a row may bring nothing new: a filter may empty one, a list without an end has no other.
const BARREN_PAGES: usize = 3;
/// A page of such a length, or of a multiple of it, may be cut though it names no next page: page sizes are round numbers
/// (cpi-api.md §10 has 1000), and whether each list has links is unknown.
const ROUND: usize = 50;

/// Everything that the runtime shows.
#[derive(Clone, Debug, Default)]
pub struct RuntimeList {
    /// The records by artifact.
    pub records: BTreeMap<ArtifactId, RuntimeArtifact>,
    /// The `Date` header of the first page's answer.
    pub answered: Option<TenantTime>,
}

/// An entry of a list, by what tells it from the others.
pub trait Keyed {
    /// Its id, or its key.
    fn key(&self) -> &str;

    /// Whether it counts instead of another with the same key that came before it.
    fn replaces(&self, _before: &Self) -> bool {
        false
    }
}

impl Keyed for Deployed {
    fn key(&self) -> &str {
        &self.id
    }

    fn replaces(&self, before: &Self) -> bool {
        self.record.deployed_on > before.record.deployed_on
    }
}

macro_rules! keyed {
    ($($entry:ty: $field:ident)*) => {$(
        impl Keyed for $entry {
            fn key(&self) -> &str {
                &self.$field
            }
        }
    )*};
}
keyed! {
    IntegrationPackage: id
    DesigntimeArtifact: id
    Configuration: key
    ServiceEndpoint: id
    Named: name
}

/// A page, with the `Date` header of its answer.
type DatedPage = (Page<Deployed>, Option<TenantTime>);

impl Tenant {
    /// All integration packages that this key may see.
    pub fn integration_packages(
        &self,
        deadline: Deadline,
    ) -> Result<Vec<IntegrationPackage>, TenantError> {
        let all = self.list(PACKAGES, Ask::of_designtime, deadline)?;
        all.found().ok_or_else(|| self.no_api())
    }

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
        self.list(&first, Ask::of_designtime, deadline)
    }

    /// The artifacts of one type in all packages, each with its package. Documented for message mappings and value mappings
    /// (cpi-api.md §4.2); `None` where the tenant does not offer it, or does not say the packages.
    pub fn all_designtime_artifacts(
        &self,
        kind: ArtifactKind,
        deadline: Deadline,
    ) -> Result<Option<Vec<DesigntimeArtifact>>, TenantError> {
        if !matches!(
            kind,
            ArtifactKind::MessageMapping | ArtifactKind::ValueMapping
        ) {
            return Ok(None);
        }
        let first = format!("{}DesigntimeArtifacts", entity_prefix(kind));
        match self.list(&first, Ask::of_designtime, deadline) {
            Ok(listed) => {
                let placed = |one: &DesigntimeArtifact| !one.package_id.is_empty();
                Ok(listed.found().filter(|all| all.iter().all(placed)))
            }
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Nonsense) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything that runs, repeated like any read.
    pub fn runtime_artifacts(&self, deadline: Deadline) -> Result<RuntimeList, TenantError> {
        let read = |ask: &Ask<'_>| self.read(ask, deadline, dated_page);
        let listed = self.runtime_list(deadline, read)?.found();
        listed.ok_or_else(|| self.not_offered(RUNTIME, "list what runs"))
    }

    /// Everything that runs, asked once; `None` when there was no whole answer of the API.
    pub fn runtime_artifacts_once(
        &self,
        deadline: Deadline,
    ) -> Result<Option<RuntimeList>, TenantError> {
        let read = |ask: &Ask<'_>| {
            let once = self.read_once(ask, deadline, dated_page);
            once.map_err(|failed| failed.error)
        };
        match self.runtime_list(deadline, read) {
            Ok(listed) => Ok(listed.found()),
            Err(error) if matches!(error.kind, Kind::Credentials | Kind::Role) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn runtime_list(
        &self,
        deadline: Deadline,
        read: impl Fn(&Ask<'_>) -> Result<Reading<DatedPage>, TenantError>,
    ) -> Result<Reading<RuntimeList>, TenantError> {
        let mut answered = None;
        let listed = self.all_pages(RUNTIME, deadline, |path| {
            Ok(read(&Ask::of_runtime(path))?.map(|(page, date)| {
                answered = answered.or(date);
                page
            }))
        })?;
        Ok(listed.map(|listed| {
            let one = |one: Deployed| (ArtifactId(one.id.into()), one.record);
            RuntimeList {
                records: listed.into_iter().map(one).collect(),
                answered,
            }
        }))
    }

    /// All entries of a list that is read with such calls.
    pub fn list<T: DeserializeOwned + Keyed>(
        &self,
        first: &str,
        ask: impl Fn(String) -> Ask<'static>,
        deadline: Deadline,
    ) -> Result<Reading<Vec<T>>, TenantError> {
        self.all_pages(first, deadline, |path| {
            self.read_page(&ask(path.to_owned()), deadline)
        })
    }

    /// Follows a list to its end, page after page, on our host whatever host the links name. Where a page without a link
    /// may have been cut, what follows is asked for; of entries that come twice one is taken. A list without an end is an
    /// error, and so is one that is longer than any tenant's or than the time allows.
    pub fn all_pages<T: DeserializeOwned + Keyed>(
        &self,
        first: &str,
        deadline: Deadline,
        mut page: impl FnMut(&str) -> Result<Reading<Page<T>>, TenantError>,
    ) -> Result<Reading<Vec<T>>, TenantError> {
        let mut all: Vec<T> = Vec::new();
        let mut places = BTreeMap::new();
        let mut path = first.to_owned();
        let (mut guessed, mut barren) = (false, 0);
        for _ in 0..MOST_PAGES {
            let page = match page(&path) {
                Ok(Reading::Found(page)) => page,
                // a tenant that does not skip here has said all before
                Ok(Reading::Missing(_)) if guessed => return Ok(Reading::Found(all)),
                Err(error) if guessed && error.kind == Kind::Refused => {
                    return Ok(Reading::Found(all));
                }
                Ok(Reading::Missing(date)) => return Ok(Reading::Missing(date)),
                Err(error) => return Err(error),
            };
            let (length, before) = (page.results.len(), all.len());
            for one in page.results {
                add(one, &mut all, &mut places);
            }
            guessed = page.next.is_none();
            barren = if all.len() > before { 0 } else { barren + 1 };
            path = match page.next {
                Some(link) => self.below_root(&link, first)?,
                None if may_be_cut(length) && all.len() > before => skipping(first, all.len()),
                None => return Ok(Reading::Found(all)),
            };
            if barren >= BARREN_PAGES || all.len() > MOST_ENTRIES {
                break;
            }
            if deadline.passed(self.clock.now()) {
                return Err(self.too_late(first));
            }
        }
        Err(self.endless(first))
    }

    /// The path below the service root of a link to the next page.
    pub fn below_root(&self, link: &str, first: &str) -> Result<String, TenantError> {
        match link.split_once("/api/v1/") {
            Some((_, path)) => Ok(path.to_owned()),
            None if link.contains("://") || link.starts_with('/') => Err(self.endless(first)),
            None => Ok(link.to_owned()),
        }
    }

    /// A list whose end can't be reached is not the list.
    fn endless(&self, path: &str) -> TenantError {
        let what = "the tenant's list has pages that can't be followed";
        self.no_list(Kind::Nonsense, what, path)
    }

    pub(crate) fn too_late(&self, path: &str) -> TenantError {
        let what = "the time ran out before the list had been read";
        let error = self.no_list(Kind::Unreachable, what, path);
        error.hint("run again with a longer --timeout")
    }

    fn no_list(&self, kind: Kind, what: &str, path: &str) -> TenantError {
        TenantError::new(
            kind,
            what,
            format!("GET {}", self.credentials.url.api(path)),
        )
    }
}

const PACKAGES: &str = "IntegrationPackages";
/// The set of what runs.
pub(super) const RUNTIME: &str = "IntegrationRuntimeArtifacts";

/// A page, with the `Date` header of its answer.
fn dated_page(answer: &Answer) -> Option<DatedPage> {
    Some((odata::collection(&answer.body)?, date_of(answer)))
}

/// Adds an entry to those before it, whose places are known by their keys: of two with one key one stays.
fn add<T: Keyed>(one: T, all: &mut Vec<T>, places: &mut BTreeMap<String, usize>) {
    let place = *places.entry(one.key().to_owned()).or_insert(all.len());
    match all.get_mut(place) {
        None => all.push(one),
        Some(before) if one.replaces(before) => *before = one,
        Some(_) => {}
    }
}

/// Whether a page of this length that names no next one may be cut.
fn may_be_cut(length: usize) -> bool {
    length > 0 && length.is_multiple_of(ROUND)
}

/// The path of what follows after so many.
fn skipping(first: &str, count: usize) -> String {
    let separator = if first.contains('?') { '&' } else { '?' };
    format!("{first}{separator}$skip={count}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_records_of_one_id_the_later_counts() {
        let listed = |id: &str, date: i64| -> Deployed {
            let record = serde_json::json!({"Id": id, "Status": "STARTED", "DeployedOn": format!("/Date({date})/")});
            serde_json::from_value(record).unwrap()
        };
        for dates in [[1, 2], [2, 1]] {
            let (mut all, mut places) = (Vec::new(), BTreeMap::new());
            for one in [listed("A", dates[0]), listed("B", 5), listed("A", dates[1])] {
                add(one, &mut all, &mut places);
            }
            assert_eq!(all, [listed("A", 2), listed("B", 5)]);
        }
    }
}
