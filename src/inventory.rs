//! What is on a tenant: packages, and their artifacts of every type that the public API takes.

pub mod selection;

use std::fmt::Display;

use crate::artifact::ArtifactKind;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::http::retry;
use crate::parallel::parallel_map;
use crate::query::{Query, READERS};
use crate::tenant::Reading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, IntegrationPackage, PackageId};
use crate::text::nearest;

/// From how many packages on one list of all packages is asked for, where the tenant has one.
const TOGETHER_FROM: usize = 2;

/// Which packages and types are read.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The ids of packages; all that there are when it is empty.
    pub packages: Vec<String>,
    /// The types; all when it is empty.
    pub kinds: Vec<ArtifactKind>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The packages by id.
    pub packages: Vec<PackageContent>,
    /// What could not be read, or is not there though it was named.
    pub troubles: Vec<Trouble>,
}

/// A package and what is in it.
#[derive(Clone, Debug)]
pub struct PackageContent {
    /// The package.
    pub package: IntegrationPackage,
    /// Its artifacts by type, then by id.
    pub artifacts: Vec<Stored>,
}

impl PackageContent {
    /// A package of which nothing is known yet.
    pub fn empty(package: IntegrationPackage) -> Self {
        Self {
            package,
            artifacts: Vec::new(),
        }
    }

    fn id(&self) -> PackageId {
        PackageId(self.package.id.clone().into())
    }

    /// Lists may leave the package out: it is this one.
    fn add(&mut self, kind: ArtifactKind, list: Vec<DesigntimeArtifact>) {
        self.artifacts.extend(list.into_iter().map(|mut artifact| {
            artifact.package_id.clone_from(&self.package.id);
            Stored { kind, artifact }
        }));
    }

    fn sort(&mut self) {
        self.artifacts.sort_by(|one, other| {
            (one.kind, &one.artifact.id).cmp(&(other.kind, &other.artifact.id))
        });
    }
}

/// An artifact of the design time.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its type.
    pub kind: ArtifactKind,
    /// The artifact.
    pub artifact: DesigntimeArtifact,
}

impl Stored {
    /// Its id.
    pub fn id(&self) -> ArtifactId {
        ArtifactId(self.artifact.id.clone().into())
    }
}

/// Something that was asked for and could not be had; everything else is told all the same.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The code that it leads to.
    pub exit: Exit,
    /// What, and why.
    pub message: Box<Message>,
}

impl Trouble {
    /// Why, with the code that it leads to.
    pub fn new(exit: Exit, message: Message) -> Self {
        Self {
            exit,
            message: Box::new(message),
        }
    }

    /// An error, as the cause of what it leads to.
    pub fn caused_by(error: TenantError, what: String) -> Self {
        let mut trouble = Self::from(error);
        let cause = std::mem::replace(&mut trouble.message.what, what);
        trouble.message.causes.push(cause);
        trouble
    }

    /// What was named and is not there, or cannot be had.
    pub fn failed(message: Message) -> Self {
        Self::new(Exit::Failed, message)
    }
}

impl From<TenantError> for Trouble {
    fn from(error: TenantError) -> Self {
        Self::new(error.exit(), error.into())
    }
}

impl Inventory {
    /// Every artifact with its package.
    pub fn artifacts(&self) -> impl Iterator<Item = (&PackageContent, &Stored)> {
        self.packages.iter().flat_map(|content| {
            content
                .artifacts
                .iter()
                .map(move |stored| (content, stored))
        })
    }

    /// Whether every package and every list could be read.
    pub fn is_whole(&self) -> bool {
        self.troubles.is_empty()
    }
}

/// Reads the packages that are wanted and their artifacts. A list that one package fails to give is a trouble and never
/// taken for an empty one; what hits every call (credentials, roles, the network) is an error.
pub fn read(query: &Query<'_>, wanted: &Wanted) -> Result<Inventory, TenantError> {
    let mut inventory = Inventory::default();
    let mut packages = packages(query, wanted, &mut inventory.troubles)?;
    packages.sort_by(|one, other| one.id.cmp(&other.id));
    packages.dedup_by(|one, other| one.id == other.id);
    let mut contents: Vec<PackageContent> =
        packages.into_iter().map(PackageContent::empty).collect();
    let kinds = kinds(wanted);
    let left = if wanted.packages.is_empty() {
        read_together(query, &kinds, &mut contents)?
    } else {
        kinds
    };
    let asked: Vec<(usize, ArtifactKind)> = (0..contents.len())
        .flat_map(|place| left.iter().map(move |kind| (place, *kind)))
        .collect();
    query.tell(&format!(
        "{}: {} to read",
        counted(contents.len(), "package"),
        counted(asked.len(), "list")
    ));
    let ids: Vec<PackageId> = contents.iter().map(PackageContent::id).collect();
    let lists = parallel_map(asked, READERS, |(place, kind)| {
        let list = query.in_time().and_then(|()| {
            let package = &ids[place];
            query
                .tenant
                .designtime_artifacts(kind, package, query.deadline)
        });
        (place, kind, list)
    });
    for (place, kind, list) in lists {
        match list {
            Ok(Reading::Found(list)) => contents[place].add(kind, list),
            Ok(Reading::Missing(_)) => inventory.troubles.push(not_listed(&ids[place], kind)),
            Err(error) if is_of_all(&error) => return Err(error),
            Err(error) => inventory.troubles.push(Trouble::caused_by(
                error,
                format!(
                    "the artifacts of type {kind} in package {} are not known",
                    ids[place]
                ),
            )),
        }
    }
    for content in &mut contents {
        content.sort();
    }
    if !wanted.kinds.is_empty() {
        // what else is in a package is not known then
        contents.retain(|content| !content.artifacts.is_empty());
    }
    inventory.packages = contents;
    Ok(inventory)
}

/// Reads those types of which one list holds all packages, where that saves requests; the types that are left to be listed
/// package by package. A list that names a package which is not among these is not the list that it should be.
fn read_together(
    query: &Query<'_>,
    kinds: &[ArtifactKind],
    contents: &mut [PackageContent],
) -> Result<Vec<ArtifactKind>, TenantError> {
    let mut left = Vec::new();
    for kind in kinds {
        let list = match contents.len() {
            0..TOGETHER_FROM => None,
            _ => query
                .tenant
                .all_designtime_artifacts(*kind, query.deadline)?,
        };
        let place = |one: &DesigntimeArtifact| {
            contents
                .binary_search_by(|content| content.package.id.cmp(&one.package_id))
                .ok()
        };
        let places: Option<Vec<usize>> = list.iter().flatten().map(place).collect();
        match (list, places) {
            (Some(list), Some(places)) => {
                for (artifact, place) in list.into_iter().zip(places) {
                    contents[place].add(*kind, vec![artifact]);
                }
            }
            _ => left.push(*kind),
        }
    }
    Ok(left)
}

fn packages(
    query: &Query<'_>,
    wanted: &Wanted,
    troubles: &mut Vec<Trouble>,
) -> Result<Vec<IntegrationPackage>, TenantError> {
    if wanted.packages.is_empty() {
        return query.tenant.integration_packages(query.deadline);
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for id in &wanted.packages {
        let package = PackageId(id.clone());
        match query.tenant.integration_package(&package, query.deadline)? {
            Reading::Found(package) => found.push(package),
            Reading::Missing(_) => missing.push(id),
        }
    }
    if !missing.is_empty() {
        let all = query.tenant.integration_packages(query.deadline)?;
        troubles.extend(missing.into_iter().map(|id| no_package(id, &all)));
    }
    Ok(found)
}

/// The types that are read: each once, in the order of their names.
fn kinds(wanted: &Wanted) -> Vec<ArtifactKind> {
    let all = ArtifactKind::ALL.into_iter();
    all.filter(|kind| wanted.kinds.is_empty() || wanted.kinds.contains(kind))
        .collect()
}

/// Whether an error would hit every other call as well.
pub fn is_of_all(error: &TenantError) -> bool {
    matches!(
        error.kind,
        Kind::Credentials | Kind::Role | Kind::Unreachable
    )
}

fn no_package(id: &str, all: &[IntegrationPackage]) -> Trouble {
    let message = Message::new(format!("package {id} is not on the tenant")).at("--package");
    let hint = match nearest(id, all.iter().map(|package| package.id.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => match all.iter().find(|package| package.name == id) {
            Some(named) => format!("that is its name; its id is `{}`", named.id),
            None => "`flowship list` names the packages; it takes the id, not the name".to_owned(),
        },
    };
    Trouble::failed(message.hint(hint))
}

fn not_listed(package: &PackageId, kind: ArtifactKind) -> Trouble {
    let message = Message::new(format!(
        "the tenant gives no list of type {kind} for package {package}: it says \"not found\""
    ));
    Trouble::failed(message.hint("the package may have been deleted meanwhile; run again"))
}

/// `1 package`, `3 packages`.
pub fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// `3 new, 1 failed`.
pub fn tally<W: Display>(counts: impl Iterator<Item = (usize, W)>) -> String {
    let parts: Vec<String> = counts
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    parts.join(", ")
}

/// The artifact of an id, whatever its type: ids are unique in a tenant (cpi-api.md §3).
pub fn find(
    query: &Query<'_>,
    id: &ArtifactId,
) -> Result<Option<(ArtifactKind, DesigntimeArtifact)>, TenantError> {
    // one "not found" may be a lagging replica's
    let found = retry::until_found(&query.clock, 2, || {
        for kind in ArtifactKind::ALL {
            query.in_time()?;
            let reading = query.tenant.designtime_artifact(kind, id, query.deadline)?;
            if let Reading::Found(artifact) = reading {
                return Ok(Some((kind, artifact)));
            }
        }
        Ok(None)
    })?;
    if found.is_none() {
        query.tenant.prove(query.deadline)?;
    }
    Ok(found)
}

/// That an id which was named is nowhere.
pub fn not_there(id: &str) -> Trouble {
    let message = Message::new(format!(
        "{id} is not on the tenant: neither in the design time nor deployed"
    ));
    Trouble::failed(message.hint(
        "`flowship list` names the artifacts; where an access policy hides it from this key, add the role AccessAllAccessPoliciesArtifacts",
    ))
}
