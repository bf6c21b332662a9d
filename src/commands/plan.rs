//! `plan`: what `deploy` would do; and the plan file that `deploy --plan` carries out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use super::deploy::settled;
use super::jobs::Asked;
use super::run::{Deed, PlanWishes};
use super::{Refusal, Voice, finish_output, request, write_report};
use crate::Process;
use crate::cli::{OutputForm, PlanArgs};
use crate::deploy::approval::Approval;
use crate::deploy::outcome::Message;
use crate::deploy::preview::Preview;
use crate::exit::Exit;
use crate::report::{self, Report, ci};
use crate::settings::options::Options;
use crate::text::redactor::Redactor;
use crate::whole_file;

/// The largest plan file that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Shows what would be done.
pub(super) fn plan(
    args: &PlanArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let asked = Asked {
        wanted: &args.wanted,
        wait: None,
        timeout: args.timeout,
        overwrite_drafts: args.overwrite_drafts,
        force: args.force,
        no_deploy: args.no_deploy,
        proven_only: false,
        pace: &args.pace,
        try_out: &args.sandbox,
    };
    let wishes = PlanWishes {
        out: options.path(args.out.as_ref(), "out"),
        fail_on_changes: options.switch(args.fail_on_changes, "fail-on-changes")?,
        request: request::of(&asked, options)?,
    };
    settled("plan", &asked, Deed::Plan(wishes), voice, process)?.run(voice, process)
}

/// Writes a plan: to standard output, and into the file that `deploy --plan` reads.
pub(super) fn finish(
    previews: &[Preview],
    report: &mut Report,
    wishes: &PlanWishes,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Exit {
    report.exit = exit_of(previews, report, wishes);
    if let Some(out) = &wishes.out
        && let Err(message) = write_file(out, previews, report, wishes, process)
    {
        report.errors.push(*message);
        report.exit = Exit::Usage;
        return write_report(report, voice, &Redactor::new(), process);
    }
    tell_jobs(previews, voice, process);
    let written = match voice.form {
        OutputForm::Text => report::plan::text(previews, report, voice.style, process.out),
        OutputForm::Json => report::plan::json(previews, report, process.out),
        OutputForm::Matrix => report::plan::matrix(previews, process.out),
    };
    finish_output(written, process);
    report.exit
}

/// Tells the CI system what later jobs can be made of.
fn tell_jobs(previews: &[Preview], voice: &Voice, process: &mut Process<'_>) {
    let changes = previews.iter().any(|preview| preview.action.is_change());
    let mut matrix = Vec::new();
    // writing into memory does not fail
    let _ = report::plan::matrix(previews, &mut matrix);
    let matrix = String::from_utf8_lossy(&matrix);
    ci::publish_plan(changes, &matrix, voice.ci, process.environment, process.err);
}

/// Changes are no failure unless they are asked to be one; what can't be planned is.
fn exit_of(previews: &[Preview], report: &Report, wishes: &PlanWishes) -> Exit {
    let invalid = report.artifacts.iter().map(|outcome| outcome.verdict.exit);
    let worst = Exit::worst(previews.iter().map(|preview| preview.exit).chain(invalid));
    let changes = previews.iter().any(|preview| preview.action.is_change());
    match worst {
        Exit::Ok if changes && wishes.fail_on_changes => Exit::Changes,
        worst => worst,
    }
}

fn write_file(
    out: &Path,
    previews: &[Preview],
    report: &Report,
    wishes: &PlanWishes,
    process: &Process<'_>,
) -> Result<(), Box<Message>> {
    let facts: BTreeMap<_, _> = previews
        .iter()
        .filter_map(|preview| Some((preview.id.clone(), preview.facts.clone()?)))
        .collect();
    let tenant = report.tenant.clone().unwrap_or_default();
    let text = Approval::new(&tenant, wishes.request.clone(), facts).to_text();
    let target = process.directory.join(out);
    whole_file::replace(&target, |file| file.write_all(text.as_bytes())).map_err(|error| {
        let message = Message::new(format!("the plan can't be written: {error}"))
            .at(out.display().to_string())
            .hint("check the path given with -o");
        Box::new(message)
    })
}

/// Reads a plan file.
pub(super) fn read_approval(file: &Path, process: &Process<'_>) -> Result<Approval, Refusal> {
    let path = process.directory.join(file);
    let cannot = |reason: String| {
        let message = Message::new(format!("the plan can't be read: {reason}"));
        Refusal::usage(
            message
                .at(file.display().to_string())
                .hint("name a file that `flowship plan -o FILE` wrote"),
        )
    };
    let found = fs::metadata(&path).map_err(|error| cannot(error.to_string()))?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(cannot("it is no ordinary file of a plan's size".to_owned()));
    }
    let bytes = fs::read(&path).map_err(|error| cannot(error.to_string()))?;
    Approval::parse(&bytes).map_err(cannot)
}
