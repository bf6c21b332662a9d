//! What is to differ in a packed copy of an artifact.

use std::collections::BTreeMap;

/// What is to differ in the packed copy. The artifact's own files are never written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// Another id: goes into Bundle-SymbolicName, whose attributes stay, and into what a message mapping or script collection
    /// provides (a tenant refuses an update whose symbolic name differs from the artifact's id, cpi-api.md §4.3).
    pub id: Option<String>,
    /// Another name: goes into Bundle-Name.
    pub name: Option<String>,
    /// Another version: goes into Bundle-Version.
    pub version: Option<String>,
    /// Other names for the script collections and message mappings that the artifact uses: from `namespace.name`, as in
    /// Require-Capability, or the name alone, to the new name. They go into Require-Capability and into the model's
    /// references, where the whole value is the old name. [`References::renamed_to`](super::References::renamed_to)
    /// gives them for one copy.
    pub references: BTreeMap<String, String>,
    /// Other bytes for files that the artifact has, by path. A path that the artifact lacks adds nothing.
    pub replaced: BTreeMap<String, Vec<u8>>,
}

/// The new name for a reference: for `namespace.name` exactly, or for the name alone.
pub(super) fn renamed<'a>(
    references: &'a BTreeMap<String, String>,
    namespace: &str,
    name: &str,
) -> Option<&'a str> {
    let exactly = references.get(&format!("{namespace}.{name}"));
    exactly.or_else(|| references.get(name)).map(String::as_str)
}
