//! `pack`: a reproducible zip, and its digests.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::console::Console;
use super::refusal::{Refusal, not_an_artifact};
use super::selection::Selection;
use crate::Process;
use crate::artifact::{Archive, PackOptions, id};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::report::page::Page;
use crate::report::{Printed, json};
use crate::whole_file;

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The artifact: its directory, or a zip exported from a tenant.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The zip to write; an existing file is replaced.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Another id than the manifest's.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub id: Option<String>,
    /// Another name than the manifest's.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Packs an artifact into a file and prints the digests.
pub(crate) fn run(
    args: &PackArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let Some(out) = &args.out else {
        let message = Message::new("the zip to write is not named").at("-o (or FLOWSHIP_OUT)");
        return Err(Refusal::usage(message));
    };
    let path = process.directory.join(&args.path);
    let artifact = Selection::only(&path, console, process)?;
    let options = PackOptions {
        id: args.id.clone(),
        name: args.name.clone(),
        ..PackOptions::default()
    };
    let archive = Archive::pack(&artifact, &options)
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let target = process.directory.join(out);
    whole_file::replace(&target, |file| archive.copy_to(file)).map_err(|error| {
        let what = format!("the zip can't be written: {error}");
        let hint = "check the path given with -o";
        Refusal::wrong(target.display().to_string(), what, hint)
    })?;
    let id = options.id.as_deref().unwrap_or(artifact.id());
    let packed = Packed {
        archive: &archive,
        id,
        file: out,
    };
    Ok(console.print(&packed, Exit::Ok, process))
}

/// What was packed, and where it went.
struct Packed<'a> {
    archive: &'a Archive,
    id: &'a str,
    file: &'a Path,
}

impl Printed for Packed<'_> {
    fn text(&self, page: &mut Page) {
        let Self { archive, id, file } = self;
        let (file, size) = (file.display(), archive.size);
        page.line(format_args!("packed {id} into {file} ({size} bytes)"));
        page.line(format_args!("content sha256 {}", archive.content));
        page.line(format_args!("zip sha256 {}", archive.zip));
    }

    fn json(&self) -> io::Result<String> {
        json::pretty(&json!({
            "schema": 1,
            "id": self.id,
            "file": self.file.display().to_string(),
            "bytes": self.archive.size,
            "content_sha256": self.archive.content,
            "zip_sha256": self.archive.zip,
        }))
    }
}
