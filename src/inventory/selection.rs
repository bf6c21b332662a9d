//! Which artifacts of a tenant are meant: named as in Git, where an environment may put something around their names.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};

use super::{Inventory, PackageContent, Stored, Wanted};
use crate::artifact::ArtifactKind;
use crate::query::Query;
pub use crate::settings::project::Names;
use crate::tenant::Reading;
use crate::tenant::error::TenantError;
use crate::tenant::wire::{ArtifactId, PackageId};

/// What is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// The ids of the artifacts, as in Git.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Everything in the package with this id; may be repeated.
    #[arg(long = "package", value_name = "ID")]
    pub packages: Vec<String>,
    /// Everything on the tenant. A download leaves out drafts and read-only packages.
    #[arg(long)]
    pub all: bool,
    /// How things are called on the tenant.
    #[arg(skip)]
    pub names: Names,
}

/// What becomes of drafts: what somebody saved without a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Drafts {
    /// They end the run before anything is written.
    Refuse,
    /// They are left out; what is there stays.
    Skip,
    /// They are taken as they are, without a version.
    Take,
}

/// What the tenant holds of what is meant. What is named and not there is among the troubles.
pub fn select(query: &Query<'_>, selection: &Selection) -> Result<Inventory, TenantError> {
    let mut inventory = Inventory::default();
    if selection.all || !selection.packages.is_empty() {
        let packages = selection.packages.iter().filter(|_| !selection.all);
        let packages = packages
            .map(|id| selection.names.package.apply(id))
            .collect();
        let wanted = Wanted {
            packages,
            kinds: Vec::new(),
        };
        inventory = super::read(query, &wanted)?;
    }
    let ids: BTreeSet<&String> = selection.ids.iter().collect();
    for id in ids {
        let on_tenant = selection.names.id.apply(id);
        if inventory
            .artifacts()
            .any(|(_, stored)| stored.artifact.id == on_tenant)
        {
            continue;
        }
        match alone(query, &ArtifactId(on_tenant))? {
            Some((content, stored)) => add(&mut inventory, content, stored),
            None => inventory.troubles.push(super::not_there(id)),
        }
    }
    keep_own(&mut inventory, &selection.names);
    Ok(inventory)
}

/// One artifact with its package.
fn alone(
    query: &Query<'_>,
    id: &ArtifactId,
) -> Result<Option<(PackageContent, Stored)>, TenantError> {
    let Some((kind, artifact)) = super::find(query, id)? else {
        return Ok(None);
    };
    let package = PackageId(artifact.package_id.clone().into());
    Ok(
        match query.tenant.integration_package(&package, query.deadline)? {
            Reading::Found(package) => {
                Some((PackageContent::empty(package), Stored { kind, artifact }))
            }
            Reading::Missing(_) => None,
        },
    )
}

fn add(inventory: &mut Inventory, content: PackageContent, stored: Stored) {
    let id = &content.package.id;
    let place = inventory
        .packages
        .iter()
        .position(|one| one.package.id == *id);
    let place = place.unwrap_or_else(|| {
        inventory.packages.push(content);
        inventory.packages.len() - 1
    });
    inventory.packages[place].artifacts.push(stored);
}

/// In an environment with prefixes or suffixes, what has none of them belongs to somebody else.
fn keep_own(inventory: &mut Inventory, names: &Names) {
    for content in &mut inventory.packages {
        content
            .artifacts
            .retain(|stored| names.id.strip(&stored.artifact.id).is_some());
    }
    let is_ours = |content: &PackageContent| {
        names.package.strip(&content.package.id).is_some()
            && (names.id.is_empty() || !content.artifacts.is_empty())
    };
    inventory.packages.retain(is_ours);
}

/// The names of copies on the tenant that others may refer to, with those in Git.
pub fn own_names(inventory: &Inventory, names: &Names) -> BTreeMap<String, String> {
    if names.id.is_empty() {
        return BTreeMap::new();
    }
    let all = inventory.artifacts().map(|(_, stored)| stored);
    let used = all.filter(|stored| {
        matches!(
            stored.kind,
            ArtifactKind::ScriptCollection | ArtifactKind::MessageMapping
        )
    });
    used.filter_map(|stored| {
        let id = &stored.artifact.id;
        Some((id.clone().into(), names.id.strip(id)?.to_owned()))
    })
    .collect()
}
