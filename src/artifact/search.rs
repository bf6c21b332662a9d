//! Finding the artifacts below a directory. Nothing is opened here but ignore files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder};

use super::MANIFEST_PATH;
use super::contents::without_manifest;
use super::directory::list_directory;
use super::error::{ArtifactError, unreadable};
use crate::whole_file::read_bounded;

/// The folder of the manifest.
const META_INF: &str = "META-INF";
/// The largest manifest that is looked into, in bytes.
const LARGEST_MANIFEST: u64 = 1 << 20;
/// How many folders deep the search goes.
const DEEPEST: usize = 64;
/// How many folders the search looks at. A large repository with its build output has some thousand.
const MOST_FOLDERS: usize = 100_000;

/// The artifacts that a path stands for, sorted.
///
/// A file is taken for an artifact's zip, a directory that holds `META-INF/MANIFEST.MF` for an artifact. Any other
/// directory is searched: the search stops at each `META-INF/MANIFEST.MF`, takes no zip, follows no link to a directory, and
/// leaves out hidden directories and those that Git ignores (`.gitignore` files from the work tree's root down, and
/// `info/exclude`; a personal `core.excludesFile` does not count, so that every machine finds the same). A path that is
/// ignored itself was named on purpose: then nothing below it is left out because of Git.
///
/// Whether a manifest found is that of an artifact shows when it is opened: an error there belongs to that artifact.
pub fn artifacts_below(path: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    search_below(path).map(|searched| searched.artifacts)
}

/// What a search found, both sorted.
#[derive(Default)]
pub struct Searched {
    /// Directories of artifacts, and the zips that were named.
    pub artifacts: Vec<PathBuf>,
    /// Java and web projects: directories whose manifest is not that of an artifact.
    pub passed_over: Vec<PathBuf>,
}

/// The same as [`artifacts_below`], with what was passed over.
pub fn search_below(path: &Path) -> Result<Searched, ArtifactError> {
    // a missing path and a special file get the error of opening
    if !path.is_dir() || is_artifact(path)? {
        return Ok(Searched {
            artifacts: vec![path.to_owned()],
            passed_over: Vec::new(),
        });
    }
    let searched = search(path, !is_ignored(path)?)?;
    if searched.artifacts.is_empty() {
        return Err(nothing_found(path)?);
    }
    Ok(searched)
}

/// Whether a directory is an artifact: its manifest is named just so also where the file system knows no case.
fn is_artifact(directory: &Path) -> Result<bool, ArtifactError> {
    // a link is none, wherever it leads
    let meta_inf = entry(directory, META_INF)?;
    match meta_inf.filter(|found| found.file_type().is_ok_and(|kind| kind.is_dir())) {
        Some(folder) => Ok(entry(&folder.path(), "MANIFEST.MF")?.is_some()),
        None => Ok(false),
    }
}

/// Whether a directory with a manifest is a Java or web project: no header of SAP stands in the manifest, and nothing beside it
/// is an artifact's. A manifest that can't be read is left to the opening, which says why.
fn is_another_project(directory: &Path) -> bool {
    let markers = [
        "src/main/resources/scenarioflows",
        "metainfo.prop",
        "value_mapping.xml",
    ];
    if markers.iter().any(|marker| directory.join(marker).exists()) {
        return false;
    }
    read_bounded(&directory.join(MANIFEST_PATH), LARGEST_MANIFEST).is_ok_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        let is_manifest = text
            .trim_start_matches('\u{feff}')
            .starts_with("Manifest-Version:");
        is_manifest && !text.lines().any(|line| line.starts_with("SAP-"))
    })
}

fn entry(directory: &Path, name: &str) -> Result<Option<fs::DirEntry>, ArtifactError> {
    fs::read_dir(directory)
        .and_then(|mut entries| {
            entries
                .find(|entry| {
                    entry
                        .as_ref()
                        .map_or(true, |found| found.file_name() == name)
                })
                .transpose()
        })
        .map_err(|source| unreadable(directory, source))
}

/// A walk by the rules that the repository's own files give.
fn walk(start: &Path, git: bool) -> WalkBuilder {
    let mut walk = WalkBuilder::new(start);
    walk.ignore(false)
        .git_global(false)
        .git_ignore(git)
        .git_exclude(git)
        .sort_by_file_name(Ord::cmp);
    walk
}

/// Whether Git ignores a directory because of its own name or of one above it in the work tree.
fn is_ignored(path: &Path) -> Result<bool, ArtifactError> {
    let path = fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
    let Some(root) = path.ancestors().find(|at| at.join(".git").exists()) else {
        return Ok(false);
    };
    let is_left_out = |at: &Path| {
        let (above, wanted) = (at.parent().unwrap_or(at), at.to_owned());
        let mut walk = walk(above, true);
        walk.hidden(false)
            .max_depth(Some(1))
            .filter_entry(move |entry| entry.depth() == 0 || entry.path() == wanted);
        let mut rest = walk.build().skip(1);
        rest.next().is_none()
    };
    Ok(path
        .ancestors()
        .take_while(|at| *at != root)
        .any(is_left_out))
}

/// All artifacts below a directory that is none itself.
fn search(start: &Path, git: bool) -> Result<Searched, ArtifactError> {
    let found = Arc::new(Mutex::new(Searched::default()));
    let finding = Arc::clone(&found);
    // what can't be read is an error of the walk, which comes to it next
    let is_to_be_searched = move |entry: &DirEntry| {
        let is_below = entry.depth() > 0 && is_directory(entry);
        if is_below && is_artifact(entry.path()).unwrap_or(false) {
            let path = entry.path().to_owned();
            let mut found = finding.lock().unwrap_or_else(PoisonError::into_inner);
            if !is_another_project(&path) {
                found.artifacts.push(path);
                return false;
            }
            found.passed_over.push(path);
        }
        is_directory(entry)
    };
    let walk = walk(start, git).filter_entry(is_to_be_searched).build();
    for (count, entry) in walk.enumerate() {
        let entry = entry.map_err(|error| unreadable(start, std::io::Error::other(error)))?;
        if count == MOST_FOLDERS {
            return Err(ArtifactError::TooManyFolders {
                at: start.display().to_string(),
                limit: MOST_FOLDERS,
            });
        }
        if entry.depth() == DEEPEST {
            return Err(ArtifactError::TooDeep {
                at: entry.path().display().to_string(),
                limit: DEEPEST,
            });
        }
    }
    let mut found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    for paths in [&mut found.artifacts, &mut found.passed_over] {
        if start == Path::new(".") {
            // `a` rather than `./a`
            *paths = paths
                .iter()
                .map(|path| path.components().skip(1).collect())
                .collect();
        }
        paths.sort();
    }
    Ok(found)
}

/// Whether an entry is to be entered: the start may be a link, what is below may not.
fn is_directory(entry: &DirEntry) -> bool {
    entry.depth() == 0 || entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// Why nothing was found: the path may be meant as one artifact, or its artifacts may be ignored.
fn nothing_found(start: &Path) -> Result<ArtifactError, ArtifactError> {
    let holds = |name| start.join(name).exists();
    if ["META-INF", "src", "resources.cnt"].into_iter().any(holds) {
        return Ok(without_manifest(start, &list_directory(start)?));
    }
    let ignored = search(start, false).unwrap_or_default().artifacts;
    Ok(ArtifactError::NoArtifactBelow {
        at: start.display().to_string(),
        ignored: ignored
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::artifact::sample::Sample;

    fn with_artifacts(names: &[&str]) -> Sample {
        names.iter().fold(Sample::empty(), |sample, name| {
            sample.with(&format!("{name}/META-INF/MANIFEST.MF"), "")
        })
    }

    fn found(sample: &Sample) -> Vec<String> {
        found_in(sample, "")
    }

    fn found_in(sample: &Sample, folder: &str) -> Vec<String> {
        let found = artifacts_below(&sample.path().join(folder)).unwrap();
        found
            .iter()
            .map(|path| {
                path.strip_prefix(sample.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect()
    }

    #[test]
    fn an_artifact_and_a_file_stand_for_themselves() {
        let sample = Sample::flow().with("inner/META-INF/MANIFEST.MF", "");
        assert_eq!(artifacts_below(sample.path()).unwrap(), [sample.path()]);
        let zip = sample.path().join("metainfo.prop");
        assert_eq!(artifacts_below(&zip).unwrap(), [zip]);
        let nothing = sample.path().join("nothing");
        assert_eq!(artifacts_below(&nothing).unwrap(), [nothing]);
    }

    #[test]
    fn every_artifact_below_is_found_in_order_and_none_inside_of_another() {
        let sample = with_artifacts(&["b", "a/two", "a/one", "a/one/src/main", "c/d/e/f"])
            .with("readme.md", "")
            .with("z/zipped.zip", "");
        assert_eq!(found(&sample), ["a/one", "a/two", "b", "c/d/e/f"]);
        assert_eq!(found_in(&sample, "a"), ["a/one", "a/two"]);
    }

    #[test]
    fn java_and_web_projects_are_passed_over() {
        let java = "Manifest-Version: 1.0\nBundle-SymbolicName: tools\nCreated-By: Maven\n";
        let flow = "Manifest-Version: 1.0\nSAP-BundleType: IntegrationFlow\n";
        let sample = Sample::empty()
            .with("java/META-INF/MANIFEST.MF", java)
            .with("java/inner/META-INF/MANIFEST.MF", flow)
            .with("broken/META-INF/MANIFEST.MF", java)
            .with("broken/metainfo.prop", "")
            .with("flow/META-INF/MANIFEST.MF", flow);
        assert_eq!(found(&sample), ["broken", "flow", "java/inner"]);
        assert_eq!(found_in(&sample, "java"), ["java"], "what is named is one");
    }

    #[test]
    fn only_the_manifest_with_its_exact_name_counts() {
        let sample = with_artifacts(&["right"])
            .with("lower/META-INF/manifest.mf", "")
            .with("folder/meta-inf/MANIFEST.MF", "")
            .with("apple/META-INF/._MANIFEST.MF", "");
        assert_eq!(found(&sample), ["right"]);
    }

    #[test]
    fn hidden_directories_are_not_searched() {
        let sample = with_artifacts(&["a", ".git/x", ".github/x", ".cache/x"]);
        assert_eq!(found(&sample), ["a"]);
    }

    #[test]
    fn what_git_ignores_is_not_searched() {
        let sample = with_artifacts(&[
            "a",
            "target/a",
            "x/target/a",
            "x/b",
            "x/local/c",
            "out/keep",
            "out/not",
        ])
        .with(".git/info/exclude", "local\n")
        .with(".gitignore", "target/\nout/*\n")
        .with("out/.gitignore", "!keep\n");
        assert_eq!(found(&sample), ["a", "out/keep", "x/b"]);
        assert_eq!(found_in(&sample, "x"), ["x/b"]);
    }

    #[test]
    fn a_directory_that_is_ignored_itself_was_named_on_purpose() {
        let sample = with_artifacts(&["build/downloads/a", "build/downloads/old/b"])
            .with(".git/HEAD", "")
            .with(".gitignore", "build/\na\n")
            .with("build/downloads/.gitignore", "old\n");
        assert_eq!(
            found_in(&sample, "build/downloads"),
            ["build/downloads/a", "build/downloads/old/b"]
        );
    }

    #[test]
    fn outside_of_a_work_tree_nothing_is_ignored() {
        let sample = with_artifacts(&["target/a"]).with(".gitignore", "target\n");
        assert_eq!(found(&sample), ["target/a"]);
    }

    #[test]
    fn a_further_work_tree_has_the_exclude_file_of_its_repository() {
        let sample = with_artifacts(&["tree/a", "tree/local/b"])
            .with("main/.git/info/exclude", "local\n")
            .with("main/.git/worktrees/tree/commondir", "../..\n");
        let main = sample.path().join("main/.git/worktrees/tree");
        let sample = sample.with("tree/.git", format!("gitdir: {}\n", main.display()));
        assert_eq!(found_in(&sample, "tree"), ["tree/a"]);
    }

    #[test]
    fn a_submodule_follows_its_own_rules() {
        let sample = with_artifacts(&["module/target/a", "module/out/b", "target/c", "z/out/d"])
            .with(".git/HEAD", "")
            .with(".gitignore", "target\n")
            .with("module/.git", "gitdir: nowhere\n")
            .with("module/.gitignore", "out\n");
        assert_eq!(found(&sample), ["module/target/a", "z/out/d"]);
    }

    #[test]
    fn a_directory_without_an_artifact_says_what_was_looked_for() {
        let sample = Sample::empty()
            .with("a/readme.md", "")
            .with(".git/HEAD", "");
        let error = artifacts_below(sample.path()).unwrap_err();
        assert!(matches!(error, ArtifactError::NoArtifactBelow { .. }));
        assert!(
            error.to_string().contains("META-INF/MANIFEST.MF"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("hidden"));
        let sample = sample
            .with("target/a/META-INF/MANIFEST.MF", "")
            .with(".gitignore", "target");
        let error = artifacts_below(sample.path()).unwrap_err();
        assert!(error.to_string().contains("Git ignores `"), "{error}");
        assert!(error.hint().unwrap().contains("an ignored directory"));
    }

    #[test]
    fn what_looks_like_one_artifact_gets_the_error_of_one() {
        let error = |sample: Sample| artifacts_below(sample.path()).unwrap_err();
        let export = error(Sample::empty().with("resources.cnt", ""));
        assert!(matches!(export, ArtifactError::PackageExport { .. }));
        let lower = error(Sample::empty().with("META-INF/manifest.mf", ""));
        assert!(
            lower.to_string().contains("META-INF/manifest.mf"),
            "{lower}"
        );
    }

    #[test]
    fn the_depth_is_bounded() {
        let deep = "d/".repeat(DEEPEST - 1);
        assert_eq!(found(&with_artifacts(&[&format!("{deep}a")])).len(), 1);
        let sample = Sample::empty().with(&format!("{deep}d/readme.md"), "");
        let error = artifacts_below(sample.path()).unwrap_err();
        assert!(matches!(error, ArtifactError::TooDeep { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_to_directories_are_not_followed() {
        let sample = with_artifacts(&["a"])
            .with_link("b", "a")
            .with_link("a2/loop", "..");
        assert_eq!(found(&sample), ["a"]);
    }

    #[test]
    fn git_itself_ignores_the_same() {
        let sample =
            with_artifacts(&["a/out", "a/b1", "b/c/d", "out/x", "deep/x/y/z", "deep/keep"])
                .with(".gitignore", "out/\n[ab]?\ndeep/*\n!deep/keep\n/b/*/d\n");
        let Ok(git) = std::process::Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(sample.path())
            .status()
        else {
            return;
        };
        assert!(git.success());
        let visible = std::process::Command::new("git")
            .args(["ls-files", "--others", "--exclude-standard", "*MANIFEST.MF"])
            .current_dir(sample.path())
            .output()
            .unwrap();
        let visible = String::from_utf8(visible.stdout).unwrap();
        let visible: Vec<_> = visible
            .lines()
            .map(|line| line.strip_suffix("/META-INF/MANIFEST.MF").unwrap())
            .collect();
        assert_eq!(found(&sample), visible);
    }
}
