//! Finding the artifacts below a directory. Nothing is opened here but ignore files.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::ArtifactError;
use super::files::{self, unreadable};
use super::gitignore::Patterns;

/// The folder of the manifest.
const META_INF: &str = "META-INF";
/// How many folders deep the search goes. It bounds the stack too.
const DEEPEST: usize = 64;
/// How many files and folders the search looks at. A large repository with its build output has some ten thousand.
const MOST_ENTRIES: usize = 500_000;
/// The most bytes of an ignore file that are read.
const LARGEST_IGNORE_FILE: u64 = 1 << 20;

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
    // a missing path and a special file get the error of opening
    if !path.is_dir() || is_artifact(path)? {
        return Ok(vec![path.to_owned()]);
    }
    let canonical = fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
    let mut search = Search {
        start: path,
        rules: Rules::above(&canonical)?,
        found: Vec::new(),
        ignored: Vec::new(),
        entries: 0,
    };
    // the path as it was given, but `a` rather than `./a`
    let shown = if path == Path::new(".") {
        Path::new("")
    } else {
        path
    };
    search.descend(shown, &canonical, 0)?;
    if search.found.is_empty() {
        return Err(search.nothing_found()?);
    }
    search.found.sort();
    Ok(search.found)
}

/// Whether a directory is an artifact.
fn is_artifact(directory: &Path) -> Result<bool, ArtifactError> {
    for entry in entries(directory)? {
        let entry = entry.map_err(|source| unreadable(directory, source))?;
        if entry.file_name() == META_INF && is_directory(&entry)? {
            return holds_manifest(&entry.path());
        }
    }
    Ok(false)
}

/// Whether a folder holds `MANIFEST.MF`, written just so also where the file system knows no case.
fn holds_manifest(meta_inf: &Path) -> Result<bool, ArtifactError> {
    for entry in entries(meta_inf)? {
        let entry = entry.map_err(|source| unreadable(meta_inf, source))?;
        if entry.file_name() == "MANIFEST.MF" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn entries(directory: &Path) -> Result<fs::ReadDir, ArtifactError> {
    fs::read_dir(directory).map_err(|source| unreadable(directory, source))
}

fn is_directory(entry: &fs::DirEntry) -> Result<bool, ArtifactError> {
    // of a link this says that it is a link, wherever it leads
    let kind = entry
        .file_type()
        .map_err(|source| unreadable(&entry.path(), source))?;
    Ok(kind.is_dir())
}

struct Search<'a> {
    start: &'a Path,
    rules: Rules,
    found: Vec<PathBuf>,
    /// Directories that were not searched because Git ignores them.
    ignored: Vec<PathBuf>,
    entries: usize,
}

impl Search<'_> {
    /// Searches one directory: `shown` is its path for people, `real` the one that ignore rules are compared with.
    fn descend(&mut self, shown: &Path, real: &Path, depth: usize) -> Result<(), ArtifactError> {
        let folders = self.folders(real)?;
        if folders.iter().any(|name| name == META_INF) && holds_manifest(&real.join(META_INF))? {
            self.found.push(shown.to_owned());
            return Ok(());
        }
        if depth == DEEPEST {
            return Err(ArtifactError::TooDeep {
                at: shown.display().to_string(),
                limit: DEEPEST,
            });
        }
        // a submodule has rules of its own
        let outer = if depth > 0 && real.join(".git").exists() {
            Some(std::mem::replace(
                &mut self.rules,
                Rules::of_repository(real)?,
            ))
        } else {
            None
        };
        let before = self.rules.levels.len();
        self.rules.read_gitignore(real)?;
        for name in folders {
            let (shown, real) = (shown.join(&name), real.join(&name));
            if self.rules.ignore(&real) {
                self.ignored.push(shown);
            } else {
                self.descend(&shown, &real, depth + 1)?;
            }
        }
        self.rules.levels.truncate(before);
        if let Some(outer) = outer {
            self.rules = outer;
        }
        Ok(())
    }

    /// The names of the folders in a directory that are not hidden, sorted.
    fn folders(&mut self, directory: &Path) -> Result<Vec<OsString>, ArtifactError> {
        let mut folders = Vec::new();
        for entry in entries(directory)? {
            let entry = entry.map_err(|source| unreadable(directory, source))?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(ArtifactError::TooManyFiles {
                    at: self.start.display().to_string(),
                    limit: MOST_ENTRIES,
                });
            }
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".") && is_directory(&entry)? {
                folders.push(name);
            }
        }
        folders.sort();
        Ok(folders)
    }

    /// Why nothing was found: the path may be meant as one artifact, or its artifacts may be ignored.
    fn nothing_found(&self) -> Result<ArtifactError, ArtifactError> {
        let holds = |name| self.start.join(name).exists();
        if ["META-INF", "src", "resources.cnt"].into_iter().any(holds) {
            let listing = files::list_directory(self.start)?;
            return Ok(listing.without_manifest(self.start));
        }
        Ok(ArtifactError::NoArtifactBelow {
            at: self.start.display().to_string(),
            ignored: self
                .ignored
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        })
    }
}

/// The ignore files that count for a directory.
#[derive(Default)]
struct Rules {
    /// From the outermost to the innermost, each with the folder that its patterns count from.
    levels: Vec<(PathBuf, Patterns)>,
}

impl Rules {
    /// The rules that come from above a directory; none where there is no Git work tree or the directory is ignored itself.
    fn above(directory: &Path) -> Result<Self, ArtifactError> {
        let Some(root) = directory
            .ancestors()
            .find(|above| above.join(".git").exists())
        else {
            return Ok(Self::default());
        };
        let mut rules = Self::of_repository(root)?;
        let mut at = root.to_owned();
        for name in directory.strip_prefix(root).unwrap_or(Path::new("")) {
            rules.read_gitignore(&at)?;
            at.push(name);
            if rules.ignore(&at) {
                return Ok(Self::default());
            }
        }
        Ok(rules)
    }

    /// What a repository ignores without a `.gitignore`.
    fn of_repository(root: &Path) -> Result<Self, ArtifactError> {
        let exclude = git_directory(root).join("info/exclude");
        let mut rules = Self::default();
        rules.read(&exclude, root)?;
        Ok(rules)
    }

    fn read_gitignore(&mut self, directory: &Path) -> Result<(), ArtifactError> {
        // outside of a work tree a .gitignore says nothing
        if self.levels.is_empty() {
            return Ok(());
        }
        self.read(&directory.join(".gitignore"), directory)
    }

    /// Adds a level for an ignore file, also where there is none: levels say that this is a work tree.
    fn read(&mut self, file: &Path, base: &Path) -> Result<(), ArtifactError> {
        self.levels
            .push((base.to_owned(), Patterns::parse(&ignore_file(file)?)));
        Ok(())
    }

    /// Whether a directory is ignored: the innermost file with a pattern that matches decides.
    fn ignore(&self, directory: &Path) -> bool {
        let decided = self.levels.iter().rev().find_map(|(base, patterns)| {
            let inside = directory.strip_prefix(base).ok()?;
            patterns.decide(inside)
        });
        decided.unwrap_or(false)
    }
}

/// The bytes of an ignore file; none where there is no such file. Git does not follow a link there either.
fn ignore_file(path: &Path) -> Result<Vec<u8>, ArtifactError> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(LARGEST_IGNORE_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > LARGEST_IGNORE_FILE {
        return Err(ArtifactError::TooLarge {
            at: path.display().to_string(),
            limit: LARGEST_IGNORE_FILE,
        });
    }
    Ok(bytes)
}

/// Where a work tree's repository lies: `.git`, or for a further work tree what `.git` and then `commondir` name.
fn git_directory(root: &Path) -> PathBuf {
    let named = |file: &Path, prefix: &str| -> Option<PathBuf> {
        let text = fs::read_to_string(file).ok()?;
        Some(PathBuf::from(text.trim().strip_prefix(prefix)?.trim()))
    };
    let git = root.join(".git");
    let Some(directory) = named(&git, "gitdir:") else {
        return git;
    };
    let directory = root.join(directory);
    match named(&directory.join("commondir"), "") {
        Some(common) => directory.join(common),
        None => directory,
    }
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
            .with("main/.git/worktrees/tree/commondir", "../..\n")
            .with("tree/.git", "gitdir: ../main/.git/worktrees/tree\n");
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
        assert!(error.hint().unwrap().contains("ignored directory"));
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
