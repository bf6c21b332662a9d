//! Reading zips that come from elsewhere: nothing is extracted, and nothing in them is trusted.

use std::fs::File;
use std::path::Path;

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use super::MANIFEST_PATH;
use super::error::ArtifactError;
use super::files::{
    ArtifactFile, FoundFiles, Listing, MOST_FILES, Origin, Sink, left_out_part, name_fault, pieces,
};

/// The file type bits of a Unix mode, and the types that matter.
const MODE_TYPE: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_LINK: u32 = 0o120_000;

/// A zip that passed all guards.
pub struct ZippedFiles {
    archive: ZipArchive<File>,
    /// The one folder that holds everything, with its slash: somebody zipped the directory instead of what is in it.
    outer: String,
}

impl ZippedFiles {
    /// Lists a zip; refuses whatever could harm, or could mean one thing here and another on a tenant.
    pub fn open(path: &Path, file: File) -> Result<(Self, Listing), ArtifactError> {
        let at = path.display().to_string();
        let archive = opened(file).map_err(|error| broken(&at, &error))?;
        if archive.len() > MOST_FILES {
            let reason = format!("it has more than {MOST_FILES} entries");
            return Err(refused(&at, reason));
        }
        if archive.has_duplicate_names() {
            return Err(refused(&at, "the same name stands in it more than once"));
        }
        let outer = outer_folder(&archive);
        let zipped = Self { archive, outer };
        let listing = zipped.list(&at)?;
        Ok((zipped, listing))
    }

    /// Gives an entry piece by piece; its checksum is verified on the way.
    pub fn stream(
        &mut self,
        index: usize,
        file: &ArtifactFile,
        at: &str,
        sink: Sink<'_>,
    ) -> Result<(), ArtifactError> {
        let entry = self.archive.by_index(index);
        let entry = entry.map_err(|error| broken(at, &error))?;
        if entry.name_raw() != format!("{}{}", self.outer, file.path).as_bytes() {
            return Err(ArtifactError::Changed { at: at.to_owned() });
        }
        // an entry that lies about its size is stopped there
        pieces(entry, file.size, sink, |error| {
            refused(at, format!("an entry cannot be unpacked: {error}"))
        })
    }

    /// The top-level folders of a zip that hold a manifest.
    pub fn folders_with_manifest(file: File) -> Vec<String> {
        let Ok(archive) = opened(file) else {
            return Vec::new();
        };
        let names = archive
            .file_names_raw()
            .filter_map(|name| std::str::from_utf8(name).ok());
        let folders = names.filter_map(|name| name.strip_suffix(MANIFEST_PATH)?.strip_suffix('/'));
        folders
            .filter(|folder| !folder.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    fn list(&self, at: &str) -> Result<Listing, ArtifactError> {
        let mut found = FoundFiles::default();
        for index in 0..self.archive.len() {
            let Some((path, size)) = self.listed(index, at)? else {
                continue;
            };
            if let Some((part, reason)) = left_out_part(&path) {
                let slash = if part.len() < path.len() { "/" } else { "" };
                found.left_out.insert(format!("{part}{slash}"), reason);
                continue;
            }
            let added = found.add(path, size, Origin::Entry(index));
            added.map_err(|what| refused(at, format!("it unpacks to {what}")))?;
        }
        Ok(found.listing())
    }

    /// Path and size of an entry with a safe name and of an ordinary kind; `None` for a directory.
    fn listed(&self, index: usize, at: &str) -> Result<Option<(String, u64)>, ArtifactError> {
        let entry = self.archive.by_index_data(index);
        let entry = entry.map_err(|error| broken(at, &error))?;
        let unsafe_name = |name: String, why| ArtifactError::UnsafeName {
            at: at.to_owned(),
            name,
            why,
        };
        // without its UTF-8 flag a name has no certain encoding; tenants and today's tools write UTF-8
        let name = std::str::from_utf8(entry.name_raw()).map_err(|_| {
            unsafe_name(
                String::from_utf8_lossy(entry.name_raw()).into_owned(),
                "it is not UTF-8",
            )
        })?;
        let inner = name.strip_prefix(&self.outer).unwrap_or(name);
        let path = inner.strip_suffix('/').unwrap_or(inner);
        if path.is_empty() && !self.outer.is_empty() {
            return Ok(None);
        }
        if let Some(why) = name_fault(path) {
            return Err(unsafe_name(name.to_owned(), why));
        }
        if name.ends_with('/') {
            return Ok(None);
        }
        let entry_at = format!("{at}: {path}");
        match entry.unix_mode().unwrap_or(0) & MODE_TYPE {
            0 | MODE_FILE => {}
            MODE_LINK => {
                return Err(ArtifactError::Link {
                    at: entry_at,
                    why: "in a zip is never followed",
                });
            }
            _ => return Err(ArtifactError::SpecialFile { at: entry_at }),
        }
        if entry.encrypted() {
            return Err(refused(&entry_at, "the entry is encrypted"));
        }
        Ok(Some((path.to_owned(), entry.size())))
    }
}

/// The folder with its slash in which the whole artifact lies, empty where it lies at the top as it should. What macOS adds beside
/// the folder does not count.
fn outer_folder(archive: &ZipArchive<File>) -> String {
    let names = || {
        let names = archive.file_names_raw().map(String::from_utf8_lossy);
        names.filter(|name| !name.starts_with("__MACOSX/"))
    };
    let first = names().next().unwrap_or_default();
    let Some((folder, _)) = first.split_once('/') else {
        return String::new();
    };
    let outer = format!("{folder}/");
    let manifest = format!("{outer}{MANIFEST_PATH}");
    let holds_all =
        names().all(|name| name.starts_with(&outer)) && names().any(|name| name == manifest);
    if holds_all && !matches!(folder, "." | "..") {
        outer
    } else {
        String::new()
    }
}

/// Opens a zip that begins where its file does: nothing is searched for.
fn opened(file: File) -> Result<ZipArchive<File>, ZipError> {
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    ZipArchive::with_config(config, file)
}

fn refused(at: &str, reason: impl Into<String>) -> ArtifactError {
    ArtifactError::Zip {
        at: at.to_owned(),
        reason: reason.into(),
    }
}

fn broken(at: &str, error: &ZipError) -> ArtifactError {
    refused(
        at,
        match error {
            ZipError::CompressionMethodNotSupported(method) => {
                format!(
                    "it is packed with method {method}; only stored and deflated entries are read"
                )
            }
            other => format!("it is broken, or no zip at all ({other})"),
        },
    )
}
