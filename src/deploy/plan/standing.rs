//! What the tenant holds of one artifact.

use crate::artifact::changes::Change;
use crate::artifact::{ArtifactKind, Comparable, Digest};
use crate::journal::{Proof, Snapshot};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{
    Configuration, DesigntimeArtifact, IntegrationPackage, RuntimeArtifact, TaskId,
};

/// What the tenant holds of one artifact, read before the first write.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The artifact's type, `None` when a redeployment did not find it.
    pub kind: Option<ArtifactKind>,
    /// The package that the artifact is to live in, `None` when it is missing.
    pub package: Option<IntegrationPackage>,
    /// The design-time artifact, `None` when it is missing.
    pub artifact: Option<DesigntimeArtifact>,
    /// The artifact was last saved by this client.
    pub saved_by_us: bool,
    /// The externalized parameters as configured.
    pub configured: Vec<Configuration>,
    /// The runtime record, `None` when nothing is deployed.
    pub runtime: Option<RuntimeArtifact>,
    /// Who deployed it.
    pub deployer: Deployer,
    /// The tenant's clock at that answer.
    pub answered: Option<TenantTime>,
    /// Whether the content equals ours; `None` while it was not compared.
    pub same_content: Option<bool>,
    /// The files that differ, where they were looked at in detail.
    pub changes: Vec<Change>,
    /// A digest of the tenant's content, where it was looked at in detail.
    pub remote_sha256: Option<Digest>,
    /// The tenant's content, where it was compared.
    pub held: Option<Comparable>,
    /// What is to be known before a value mapping is replaced, `None` where nothing was compared.
    pub mapping: Option<Mapping>,
    /// Whether `artifact` was settled by a list: it is looked up no more.
    pub artifact_known: bool,
    /// Whether a list did not show the artifact: one more "not found" is enough then.
    pub unlisted: bool,
    /// Whether `runtime` comes from the list of everything that runs. What a list does not show may still be shown
    /// alone, so whoever compares with it must look at a list again.
    pub by_list: bool,
    /// The task of a deployment that an earlier run has left without a verdict.
    pub pending: Option<TaskId>,
    /// What runs may be a late deployment of other content, which an earlier run asked for: its date proves nothing.
    pub doubted: bool,
    /// What an earlier run judged, where the tenant still shows all of it but the content.
    pub proof: Option<Proof>,
    /// Other credentials wrote such a proof.
    pub foreign_proof: bool,
    /// The values that an interrupted run had not put back after its upload: they are to stand.
    pub recalled: Vec<Configuration>,
    /// What stood there before an earlier run, where that did not come to its end.
    pub remembered: Option<Snapshot>,
    /// What a reader should know, whatever the verdict.
    pub notes: Vec<String>,
}

/// Who deployed what runs, as far as the tenant tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deployer {
    /// The tenant does not tell.
    #[default]
    Unsaid,
    /// This client.
    Us,
    /// A name that is not known to be this client's.
    Another,
}

/// A value mapping whose content differs from the tenant's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The entries that only the tenant has, in words.
    pub only_on_tenant: Vec<String>,
    /// The entries of the tenant that Git contradicts, in words: Git wins.
    pub overruled: Vec<String>,
    /// Why the two can't be put together, if they can't.
    pub unmergeable: Option<String>,
    /// `value_mapping.xml` with those entries added; `None` where there are none.
    pub merged: Option<Vec<u8>>,
    /// The tenant holds just that: Git's entries and those of its own.
    pub holds_merged: bool,
}
