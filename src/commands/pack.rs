//! `pack`: a reproducible zip, and its digests.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::{Refusal, Voice, check, open};
use crate::Process;
use crate::artifact::{self, Archive, Artifact, PackOptions};
use crate::cli::{OutputForm, PackArgs};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::words::disarm;

/// Packs an artifact into a file and prints the digests.
pub(super) fn pack(
    args: &PackArgs,
    voice: Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let artifact = open(&args.path, process)?;
    let options = PackOptions {
        id: args.id.clone(),
        name: args.name.clone(),
    };
    warn(&artifact, process)?;
    let archive = Archive::pack(&artifact, &options)?;
    let target = process.directory.join(&args.out);
    save(&archive, &target).map_err(|error| cannot_write(&target, &error))?;
    let id = options.id.as_deref().unwrap_or(artifact.id());
    let written = match voice.form {
        OutputForm::Json => write_json(&archive, id, &args.out, process.out),
        OutputForm::Text => write_text(&archive, id, &args.out, process.out),
    };
    if let Err(error) = written.and_then(|()| process.out.flush()) {
        let _ = writeln!(
            process.err,
            "warning: the result could not be written to standard output: {error}"
        );
    }
    Ok(Exit::Ok)
}

/// Tells the findings of the offline check and what is left out of the zip; an error among them is a refusal.
pub(super) fn warn(artifact: &Artifact, process: &mut Process<'_>) -> Result<(), Refusal> {
    let findings = artifact::check(artifact);
    for left_out in artifact.left_out() {
        let _ = writeln!(process.err, "left out: {}", disarm(&left_out.to_string()));
    }
    for finding in findings
        .iter()
        .filter(|finding| finding.severity == artifact::Severity::Warning)
    {
        let _ = writeln!(
            process.err,
            "warning: {}: {}",
            check::place(artifact, finding, &process.directory),
            disarm(&finding.message)
        );
    }
    let mut errors = findings
        .iter()
        .filter(|finding| finding.severity == artifact::Severity::Error);
    let Some(first) = errors.next() else {
        return Ok(());
    };
    let mut message = Message::new(first.message.clone())
        .at(check::place(artifact, first, &process.directory))
        .hint(first.remedy.clone());
    for other in errors {
        message = message.because(format!(
            "also: {}: {}",
            check::place(artifact, other, &process.directory),
            other.message
        ));
    }
    Err(Refusal {
        exit: Exit::Artifact,
        message,
    })
}

/// Writes beside the target and renames, so that nobody ever sees half a zip.
fn save(archive: &Archive, target: &Path) -> io::Result<()> {
    let directory = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    archive.copy_to(file.as_file_mut())?;
    readable(file.path())?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file is for its owner alone; a zip that other stages of a pipeline read is not.
#[cfg(unix)]
fn readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> io::Result<()> {
    Ok(())
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
        "packed {id} into {} ({} bytes)",
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
    writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(&packed).map_err(io::Error::other)?
    )
}
