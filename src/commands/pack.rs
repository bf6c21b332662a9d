//! `pack`: a reproducible zip, and its digests.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::{Refusal, Voice, check, finish_output, not_an_artifact, open};
use crate::Process;
use crate::artifact::{Archive, PackOptions};
use crate::cli::{OutputForm, PackArgs};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::report::json;
use crate::settings::options::Options;
use crate::text::disarm;
use crate::whole_file;

/// Packs an artifact into a file and prints the digests.
pub(super) fn pack(
    args: &PackArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let artifact = open(&args.path, process)?;
    let settings = Options::new(process.environment);
    let options = PackOptions {
        id: settings.text(args.id.as_deref(), "id"),
        name: settings.text(args.name.as_deref(), "name"),
        ..PackOptions::default()
    };
    let Some(out) = settings.path(args.out.as_ref(), "out") else {
        let message = Message::new("the zip to write is not named").at("-o (or FLOWSHIP_OUT)");
        return Err(Refusal::usage(message));
    };
    check::valid(&artifact, voice, process)?;
    let archive = Archive::pack(&artifact, &options)
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let target = process.directory.join(&out);
    whole_file::replace(&target, |file| archive.copy_to(file))
        .map_err(|error| cannot_write(&target, &error))?;
    let id = options.id.as_deref().unwrap_or(artifact.id());
    let written = match voice.form {
        OutputForm::Json | OutputForm::Matrix => write_json(&archive, id, &out, process.out),
        OutputForm::Text => write_text(&archive, id, &out, process.out),
    };
    finish_output(written, process);
    Ok(Exit::Ok)
}

fn cannot_write(target: &Path, error: &io::Error) -> Refusal {
    Refusal::usage(
        Message::new(format!("the zip can't be written: {error}"))
            .at(target.display().to_string())
            .hint("check the path given with -o"),
    )
}

fn write_text(archive: &Archive, id: &str, out_file: &Path, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "packed {} into {} ({} bytes)",
        disarm(id),
        out_file.display(),
        archive.size
    )?;
    writeln!(out, "content sha256 {}", archive.content)?;
    writeln!(out, "zip sha256 {}", archive.zip)
}

fn write_json(archive: &Archive, id: &str, out_file: &Path, out: &mut dyn Write) -> io::Result<()> {
    let packed = json!({
        "schema": 1,
        "id": id,
        "file": out_file.display().to_string(),
        "bytes": archive.size,
        "content_sha256": archive.content.to_string(),
        "zip_sha256": archive.zip.to_string(),
    });
    writeln!(out, "{}", json::pretty(&packed)?)
}
