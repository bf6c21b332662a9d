//! From one tenant to another: what is taken from the source, and what stands on the target. Nothing is written here; the
//! deployment does that, by the same rules as from Git.

use std::collections::{BTreeMap, BTreeSet};

use crate::artifact::aliases::{Alias, Store};
use crate::artifact::{Artifact, ArtifactError, ArtifactKind};
use crate::deploy::outcome::Message;
use crate::deploy::runtime;
use crate::download::fetch::{self, Fetched};
use crate::inventory::selection::{self, Drafts, Names, Selection};
use crate::inventory::{Inventory, PackageContent, Stored, Trouble, counted, is_of_all};
use crate::parallel::parallel_map;
use crate::query::{Counter, Query, READERS};
use crate::tenant::Reading;
use crate::tenant::error::TenantError;
use crate::tenant::security_material::SecurityMaterial;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, IntegrationPackage, RuntimeArtifact};

/// What is transported.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which artifacts of the source, by their names in Git.
    pub selection: Selection,
    /// What becomes of drafts of the source.
    pub drafts: Drafts,
    /// How things are called on the target.
    pub target: Names,
}

/// What was taken from the source.
#[derive(Default)]
pub struct Taken {
    /// The artifacts, by package and id.
    pub artifacts: Vec<One>,
    /// What was left out, by a rule.
    pub left_out: Vec<String>,
    /// What could not be had.
    pub troubles: Vec<Trouble>,
    /// The names of copies on the source that others refer to, with those in Git.
    pub own_names: BTreeMap<String, String>,
    /// The names of security material on the target.
    pub material: SecurityMaterial,
}

/// One artifact of a transport.
pub struct One {
    /// Its id in Git: without prefix and suffix.
    pub id: String,
    /// Its package in Git.
    pub package: String,
    /// The package on the source.
    pub described: IntegrationPackage,
    /// Its version on the source; `None` for a draft.
    pub version: Option<String>,
    /// Its content.
    pub fetched: Fetched,
    /// What stands on the target.
    pub standing: Standing,
}

/// What stands on the target before a transport.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The design time.
    pub design: Option<DesigntimeArtifact>,
    /// The run time.
    pub runtime: Option<RuntimeArtifact>,
    /// The configured values, where aliases depend on them.
    pub configured: BTreeMap<String, String>,
}

/// Takes what is wanted from the source, and reads what stands on the target.
pub fn take(source: &Query<'_>, target: &Query<'_>, wanted: &Wanted) -> Result<Taken, TenantError> {
    let inventory = selection::select(source, &wanted.selection)?;
    let mut taken = Taken {
        own_names: selection::own_names(&inventory, &wanted.selection.names),
        troubles: inventory.troubles.clone(),
        ..Taken::default()
    };
    let chosen = choose(&inventory, wanted, &mut taken);
    source.tell(&format!(
        "taking {} from {}",
        counted(chosen.len(), "artifact"),
        source.tenant.host()
    ));
    fetch_all(source, wanted, chosen, &mut taken)?;
    look_at_target(target, wanted, &mut taken)?;
    Ok(taken)
}

/// Drafts by their rule; everything else is taken.
fn choose<'i>(
    inventory: &'i Inventory,
    wanted: &Wanted,
    taken: &mut Taken,
) -> Vec<(&'i PackageContent, &'i Stored)> {
    let mut chosen = Vec::new();
    for (content, stored) in inventory.artifacts() {
        let id = &stored.artifact.id;
        match (stored.artifact.is_draft(), wanted.drafts) {
            (true, Drafts::Refuse) => taken.troubles.push(draft(id, stored)),
            (true, Drafts::Skip) => taken
                .left_out
                .push(format!("{id}: it is a draft on the source")),
            (true, Drafts::Take) | (false, _) => chosen.push((content, stored)),
        }
    }
    chosen
}

fn draft(id: &str, stored: &Stored) -> Trouble {
    let by = stored.artifact.of_whom();
    let message = Message::new(format!(
        "{id} is a draft{by} on the source; nothing was written"
    ));
    Trouble::failed(message.hint(
        "let the author save it as a version, leave drafts out with --drafts skip, or take them with --drafts take",
    ))
}

fn fetch_all(
    source: &Query<'_>,
    wanted: &Wanted,
    chosen: Vec<(&PackageContent, &Stored)>,
    taken: &mut Taken,
) -> Result<(), TenantError> {
    let seen = Counter::new(source, chosen.len());
    let fetched = parallel_map(chosen, READERS, |(content, stored)| {
        let fetched = fetch::fetch(source, stored.kind, &stored.id());
        seen.one_more();
        (content, stored, fetched)
    });
    let names = &wanted.selection.names;
    for (content, stored, fetched) in fetched {
        match fetched {
            Ok(fetched) => taken.artifacts.push(One {
                id: names.id.original(&stored.artifact.id).to_owned(),
                package: names.package.original(&content.package.id).to_owned(),
                described: content.package.clone(),
                version: stored.artifact.number().map(str::to_owned),
                fetched,
                standing: Standing::default(),
            }),
            Err(error) if is_of_all(&error) => return Err(error),
            Err(error) => taken.troubles.push(not_taken(stored, error)),
        }
    }
    Ok(())
}

/// Configure-only content, and whatever else the source does not give out.
fn not_taken(stored: &Stored, error: TenantError) -> Trouble {
    let id = &stored.artifact.id;
    let what = format!("{id} could not be taken from the source; nothing was written");
    let mut trouble = Trouble::caused_by(error, what);
    trouble.message.hint.get_or_insert_with(|| {
        "content of read-only (configure-only) packages is not given out: copy it on the target from the catalogue, and configure it with `flowship redeploy --set`"
            .to_owned()
    });
    trouble
}

/// Versions, what runs, configured values as far as aliases depend on them, and the names of security material.
fn look_at_target(
    target: &Query<'_>,
    wanted: &Wanted,
    taken: &mut Taken,
) -> Result<(), TenantError> {
    let runtime = runtime::list(target.tenant, usize::MAX, target.deadline)?;
    let artifacts = std::mem::take(&mut taken.artifacts);
    let looked = parallel_map(artifacts, READERS, |mut one: One| {
        let id = ArtifactId(wanted.target.id.apply(&one.id));
        let kind = one.fetched.artifact.kind();
        let (artifact, standing) = (&one.fetched.artifact, &mut one.standing);
        let design = (target.tenant).designtime_artifact(kind, &id, target.deadline)?;
        if let Reading::Found(design) = design {
            standing.design = Some(design);
            let depends = aliases(artifact).iter().any(Alias::has_parameters);
            if depends && kind == ArtifactKind::IntegrationFlow {
                standing.configured = fetch::configured(target, &id)?;
            }
        }
        let runtime = runtime.as_ref();
        standing.runtime = runtime.and_then(|list| list.records.get(&id).cloned());
        Ok(one)
    });
    taken.artifacts = looked.into_iter().collect::<Result<_, _>>()?;
    let mut artifacts = taken.artifacts.iter();
    if artifacts.any(|one| !aliases(&one.fetched.artifact).is_empty()) {
        taken.material = target.tenant.security_material(target.deadline)?;
    }
    Ok(())
}

/// A model that can't be read names nothing; the check of artifacts tells of it.
fn aliases(artifact: &Artifact) -> BTreeSet<Alias> {
    let read: Result<_, ArtifactError> = artifact.aliases();
    read.unwrap_or_default()
}

/// What an artifact names of security material that the target lacks, in words. `named`: the values that will be written.
pub fn missing_material(
    one: &One,
    named: &BTreeMap<String, String>,
    material: &SecurityMaterial,
) -> Vec<String> {
    let own = one.fetched.artifact.parameters();
    let value = |key: &str| {
        let configured = one.standing.configured.get(key);
        let value = named.get(key).or(configured).map(String::as_str);
        value.or_else(|| own.get(key)).map(str::to_owned)
    };
    let mut missing = BTreeSet::new();
    let mut unread = BTreeSet::new();
    for alias in aliases(&one.fetched.artifact) {
        let Some(name) = alias.resolved(value) else {
            continue;
        };
        let (known, what, menu) = match alias.store {
            Store::SecurityMaterial => (
                &material.credentials,
                "credential",
                "Manage Security Material",
            ),
            Store::Keystore => (&material.keys, "key or certificate", "Manage Keystore"),
        };
        match known {
            Some(known) if known.contains(&name) => {}
            Some(_) => {
                missing.insert(format!(
                    "it names the {what} `{name}`, which the target lacks ({}): create it under Monitor > {menu}",
                    alias.place
                ));
            }
            None => {
                unread.insert(format!(
                    "it names the {what} `{name}`; whether the target has it could not be read"
                ));
            }
        }
    }
    missing.into_iter().chain(unread).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_without_the_affix_stay() {
        let affix = crate::settings::project::Affix {
            prefix: String::new(),
            suffix: "_QA".to_owned(),
        };
        assert_eq!(affix.original("Flow_QA"), "Flow");
        assert_eq!(affix.original("Flow"), "Flow");
    }
}
