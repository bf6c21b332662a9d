//! `transport`: from one tenant to another, by the rules of `deploy`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::arguments::{ReadingArgs, TryOutArgs, WaitArgs, WriteArgs, selection};
use super::change::{Change, Deployment, Planning, Purpose};
use super::console::{Console, ReportArgs};
use super::desired::{Basis, Desired, renamed};
use super::jobs;
use super::refusal::Refusal;
use super::run::{NOTHING_WRITTEN, Worker};
use super::settings_file::Settings;
use crate::Process;
use crate::deploy::job::{Job, Source, VersionRule};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::inventory::selection::{Drafts, Selection};
use crate::text::redactor::Redactor;
use crate::transport::{self, Taken, Wanted};

/// Arguments of `transport`.
#[derive(Debug, Args)]
pub struct TransportArgs {
    /// Which artifacts.
    #[command(flatten)]
    pub artifacts: Selection,
    /// The environment of the settings file to take from.
    #[arg(long, value_name = "NAME")]
    pub from: String,
    /// The environment of the settings file to bring to.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Writes nothing: shows what would be done, with a diff.
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: ends with code 9 when something would be done.
    #[arg(long, requires = "dry_run")]
    pub fail_on_changes: bool,
    /// What becomes of drafts on the source: refuse ends the run, skip leaves them out, take brings them without a
    /// version. [default: refuse]
    #[arg(long, value_name = "RULE", hide_possible_values = true)]
    pub drafts: Option<Drafts>,
    /// For how long, and how fast.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// What may be written on the target.
    #[command(flatten)]
    pub write: WriteArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Both ends of a transport.
struct Ends {
    from: Settings,
    to: Settings,
}

/// Transports artifacts.
pub(crate) fn run(
    args: &TransportArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let ends = Ends::read(args, process)?;
    let (taken, host) = take(args, &ends, console, process)?;
    if !taken.troubles.is_empty() && !args.write.keep_going {
        return Err(taken.troubles.into());
    }
    tell(&ends, &taken, console, process);
    let purpose = if args.dry_run {
        Purpose::Plan(Planning {
            fail_on_changes: args.fail_on_changes,
            ..Planning::default()
        })
    } else {
        Purpose::Deploy(Deployment::default())
    };
    let mut report = console.report(process);
    report.source = Some(host);
    let mut change = Change::new(
        purpose,
        &ends.to,
        report,
        &args.reading,
        &TryOutArgs::default(),
    );
    let basis = Basis {
        rules: &args.write.rules(&args.wait, &ends.to, &process.directory),
        redactor: &change.redactor,
        directory: &process.directory,
        variables: process.environment,
    };
    let all = ends.desired(&taken, &basis)?;
    let (mut jobs, skipped) =
        jobs::jobs(all, &[], &args.write.parameters, &change.redactor, process)?;
    describe(&mut jobs, &taken, &ends);
    change.report.artifacts = skipped;
    let exit = Change {
        jobs,
        keep_going: args.write.keep_going,
        ..change
    }
    .run(console, process)?;
    if !args.dry_run && may_go_on(exit) {
        let _ = writeln!(
            process.err,
            "what has arrived stays; the same command again brings the rest and leaves alone what is there"
        );
    }
    Ok(exit)
}

/// Whether the same command again brings more.
fn may_go_on(exit: Exit) -> bool {
    matches!(
        exit,
        Exit::Failed
            | Exit::Unreachable
            | Exit::Undecided
            | Exit::Protocol
            | Exit::Refused
            | Exit::Transient
    )
}

impl Ends {
    fn read(args: &TransportArgs, process: &Process<'_>) -> Result<Self, Refusal> {
        if args.from == args.to {
            let message = Message::new("--from and --to name the same environment");
            return Err(Refusal::usage(message.hint("name two environments of flowship.yaml; they may be on one tenant, with a suffix of their own")));
        }
        let file = args.reading.config.as_ref();
        let end = |name: &str| {
            let mut settings = Settings::of_tenants(file, Some(name), process)?;
            // what the file names and is not there may come from the source
            let _ = settings.find_entries(&process.directory);
            Ok::<_, Refusal>(settings)
        };
        Ok(Self {
            from: end(&args.from)?,
            to: end(&args.to)?,
        })
    }

    /// What each artifact is to become on the target.
    fn desired(&self, taken: &Taken, basis: &Basis<'_>) -> Result<Vec<Desired>, Refusal> {
        let (from, to) = (self.from.names(), self.to.names());
        let mut references: BTreeMap<_, _> = taken
            .own_names
            .iter()
            .map(|(on_source, in_git)| (on_source.clone(), to.id.apply(in_git)))
            .collect();
        let all = taken.artifacts.iter();
        let all = all.map(|one| (one.id.as_str(), &one.fetched.artifact));
        references.extend(renamed(&to, all));
        let desired = taken.artifacts.iter().map(|one| {
            let mut desired = self.to.desired_from_tenant(one, &from, basis)?;
            desired.pack.references.clone_from(&references);
            Ok(desired)
        });
        desired.collect()
    }
}

/// The content from the source and what stands on the target, with the host of the source.
fn take(
    args: &TransportArgs,
    ends: &Ends,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<(Taken, String), Refusal> {
    let selection = selection(&args.artifacts, ends.from.names())?;
    let mut worker = Worker::new(&args.reading, Redactor::new());
    for end in [&ends.from, &ends.to] {
        worker.add_tenant_of(&TryOutArgs::default(), end, process)?;
    }
    let wanted = Wanted {
        selection,
        drafts: args.drafts.unwrap_or(Drafts::Refuse),
        target: ends.to.names(),
    };
    let (taken, mut sites) = worker.fetch(console, process, NOTHING_WRITTEN, move |queries| {
        transport::take(&queries[0], &queries[1], &wanted)
    })?;
    Ok((taken?, sites.swap_remove(0).host))
}

/// Which versions there are where, and what was left out: before anything is written.
fn tell(ends: &Ends, taken: &Taken, console: &Console, process: &mut Process<'_>) {
    if !console.tells() {
        return;
    }
    let name = |settings: &Settings| settings.environment_name().unwrap_or_default().to_owned();
    let (from, to) = (name(&ends.from), name(&ends.to));
    let mut rows = vec![vec![
        "ARTIFACT".to_owned(),
        from,
        to.clone(),
        format!("runs on {to}"),
    ]];
    for one in &taken.artifacts {
        let design = one.standing.design.as_ref();
        let runtime = one.standing.runtime.as_ref();
        rows.push(vec![
            one.id.clone(),
            one.version.clone().unwrap_or_else(|| "draft".to_owned()),
            design.map_or("-".to_owned(), |design| design.version.to_string()),
            runtime.map_or("-".to_owned(), |record| {
                format!("{} {}", record.version, record.status)
            }),
        ]);
    }
    let mut page = console.page(false);
    page.table("", &rows);
    page.items("left out: ", &taken.left_out);
    let _ = page.print(process.err);
}

/// Whether a version of the source is one that a tenant may be asked for: numbers and names, no text of any kind.
fn may_travel(version: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=50).contains(&version.len()) && version.chars().all(plain)
}

/// What only a transport knows of its jobs: the version that travels, what the target lacks, and what they are called in
/// messages.
fn describe(jobs: &mut [Job], taken: &Taken, ends: &Ends) {
    let to = ends.to.names();
    for job in jobs {
        let mut artifacts = taken.artifacts.iter();
        let Some(one) = artifacts.find(|one| to.id.apply(&one.id) == job.id.0) else {
            continue;
        };
        if let Some(version) = one.version.as_ref().filter(|text| may_travel(text)) {
            job.rules.version = VersionRule::Travel(version.clone());
        }
        let named = job.named.iter();
        let named = named.map(|named| (named.key.clone(), named.value.clone()));
        job.notes = transport::missing_material(one, &named.collect(), &taken.material);
        if let Source::Files(content) = &mut job.source {
            let temporary = content.root.display().to_string();
            content.root = PathBuf::from(&one.id);
            for required in &mut job.requires {
                required.place = required.place.replace(&temporary, &one.id);
            }
        }
    }
}
