//! `transport`: from one tenant to another, by the rules of `deploy`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::deploy::{pace, rates};
use super::download::names;
use super::errand::{End, Journey};
use super::jobs::{self, Asked, Wish};
use super::list::NOTHING_WRITTEN;
use super::run::{Deed, Deployment, PlanWishes, Settled};
use super::wishes::Settings;
use super::{Refusal, Voice};
use crate::Process;
use crate::artifact::{PackOptions, References};
use crate::cli::{DraftChoice, TransportArgs, TryOutArgs, WantedArgs};
use crate::deploy::job::{Job, Rules, Source, VersionRule};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::inventory::selection::{Names, Selection};
use crate::report::progress::Volume;
use crate::report::table_of;
use crate::settings::options::Options;
use crate::settings::project::Affix;
use crate::text::disarm;
use crate::text::redactor::Redactor;
use crate::transport::{self, Drafts, One, Taken, Wanted};

/// Both ends of a transport.
struct Ends {
    from: Settings,
    to: Settings,
}

/// Transports artifacts.
pub(super) fn transport(
    args: &TransportArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let ends = Ends::read(args, process)?;
    let dry = options.switch(args.dry_run, "dry-run")?;
    let wanted_args = wanted_args(args);
    let asked = asked(args, &wanted_args);
    let mut rules = asked.rules(process)?;
    rules.reach = ends.to.reach(process);
    let (taken, host) = match take(args, &ends, voice, process)? {
        Ok(taken) => taken,
        Err(exit) => return Ok(exit),
    };
    if !taken.troubles.is_empty() && !args.keep_going {
        return Err(refusal(taken.troubles));
    }
    tell(&ends, &taken, voice, process);
    let redactor = Redactor::new();
    let wishes = ends.wishes(&taken, &rules, &redactor, process)?;
    let mut work = jobs::jobs(wishes, &[], &wanted_args, &redactor, process)?;
    describe(&mut work.jobs, &taken, &ends);
    let deed = if dry {
        Deed::Plan(PlanWishes {
            fail_on_changes: options.switch(args.fail_on_changes, "fail-on-changes")?,
            ..PlanWishes::default()
        })
    } else {
        Deed::Deploy(Deployment::default())
    };
    let exit = Settled {
        command: "transport",
        jobs: work.jobs,
        invalid: work.skipped,
        findings: Vec::new(),
        timeout: jobs::timeout(args.wait.timeout, process)?,
        keep_going: args.keep_going,
        pace: pace(&args.pace, options)?,
        login: ends.to.login(),
        deed,
        try_out: &NO_SANDBOX,
        redactor,
        source: Some(host),
        id: Affix::default(),
        smoke: None,
    }
    .run(voice, process)?;
    if !dry
        && matches!(
            exit,
            Exit::Failed | Exit::Unreachable | Exit::Undecided | Exit::Protocol | Exit::Refused
        )
    {
        let _ = writeln!(
            process.err,
            "what has arrived stays; the same command again brings the rest and leaves alone what is there"
        );
    }
    Ok(exit)
}

impl Ends {
    fn read(args: &TransportArgs, process: &Process<'_>) -> Result<Self, Refusal> {
        if args.from == args.to {
            let message = Message::new("--from and --to name the same environment");
            return Err(Refusal::usage(message.hint("name two environments of flowship.yaml; they may be on one tenant, with a suffix of their own")));
        }
        if args.ids.is_empty() && args.package.is_empty() && !args.all {
            let message = Message::new("nothing is named: neither artifacts nor packages");
            return Err(Refusal::usage(message.hint(
                "name ids, or packages with --package, or take everything with --all",
            )));
        }
        let end = |name: &str| Settings::with_what_is_there(args.config.as_ref(), name, process);
        Ok(Self {
            from: end(&args.from)?,
            to: end(&args.to)?,
        })
    }

    fn names(&self) -> (Names, Names) {
        (names(self.from.environment()), names(self.to.environment()))
    }

    /// What each artifact is to become on the target.
    fn wishes(
        &self,
        taken: &Taken,
        rules: &Rules,
        redactor: &Redactor,
        process: &Process<'_>,
    ) -> Result<Vec<Wish>, Refusal> {
        let renamed = self.renamed(taken);
        let mut wishes = Vec::new();
        for one in &taken.artifacts {
            let mut wish = self.to.wish_of_transport(one, rules, redactor, process)?;
            wish.pack = self.pack(one, &renamed);
            wishes.push(wish);
        }
        Ok(wishes)
    }

    /// The new names of what is called otherwise on the target, for those that refer to it.
    fn renamed(&self, taken: &Taken) -> BTreeMap<String, String> {
        let (_, to) = self.names();
        let mut renamed = BTreeMap::new();
        for (on_source, in_git) in &taken.own_names {
            renamed.insert(on_source.clone(), to.id.apply(in_git));
        }
        for one in &taken.artifacts {
            let id = to.id.apply(&one.id);
            let artifact = &one.fetched.artifact;
            if id != artifact.id() {
                let references: Option<References> = artifact.references().ok();
                renamed.extend(references.iter().flat_map(|all| all.renamed_to(&id)));
            }
        }
        renamed
    }

    fn pack(&self, one: &One, renamed: &BTreeMap<String, String>) -> PackOptions {
        let (from, to) = self.names();
        let artifact = &one.fetched.artifact;
        let id = to.id.apply(&one.id);
        let name = from.name.strip(artifact.name()).unwrap_or(artifact.name());
        let name = to.name.apply(name);
        PackOptions {
            id: (id != artifact.id()).then_some(id),
            name: (name != artifact.name()).then_some(name),
            references: renamed.clone(),
            ..PackOptions::default()
        }
    }
}

/// The content from the source and what stands on the target, with the host of the source.
fn take(
    args: &TransportArgs,
    ends: &Ends,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Result<(Taken, String), Exit>, Refusal> {
    let options = Options::new(process.environment);
    let rates = rates(&args.pace, options)?;
    let journey = Journey::new(jobs::timeout(args.wait.timeout, process)?, rates);
    let from = journey.site(
        &ends.from.login(),
        Some(args.from.clone()),
        &NO_SANDBOX,
        process,
    )?;
    let to = journey.site(
        &ends.to.login(),
        Some(args.to.clone()),
        &NO_SANDBOX,
        process,
    )?;
    let host = from.host().to_owned();
    let (source, target) = ends.names();
    let drafts = options.parsed(args.drafts, "drafts")?;
    let wanted = Wanted {
        selection: Selection {
            ids: args.ids.clone(),
            packages: args.package.clone(),
            all: args.all,
            names: source,
        },
        drafts: match drafts.unwrap_or(DraftChoice::Refuse) {
            DraftChoice::Refuse => Drafts::Refuse,
            DraftChoice::Skip => Drafts::Skip,
            DraftChoice::Take => Drafts::Take,
        },
        target,
    };
    let sites = Arc::new(vec![from, to]);
    let end = journey.make(sites, voice, process, NOTHING_WRITTEN, move |errands| {
        transport::take(&errands[0], &errands[1], &wanted)
    });
    match end {
        End::Done(taken) => Ok(Ok((taken?, host))),
        End::Stopped(exit) => Ok(Err(exit)),
    }
}

fn refusal(troubles: Vec<crate::inventory::Trouble>) -> Refusal {
    Refusal {
        exit: Exit::worst(troubles.iter().map(|trouble| trouble.exit)),
        messages: troubles
            .into_iter()
            .map(|trouble| *trouble.message)
            .collect(),
        findings: Vec::new(),
        invalid: Vec::new(),
    }
}

/// Which versions there are where, and what was left out: before anything is written.
fn tell(ends: &Ends, taken: &Taken, voice: &Voice, process: &mut Process<'_>) {
    if voice.volume == Volume::Quiet {
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
            disarm(&one.id),
            one.version.as_deref().map_or("draft".to_owned(), disarm),
            design.map_or("-".to_owned(), |design| disarm(&design.version)),
            runtime.map_or("-".to_owned(), |record| {
                format!(
                    "{} {}",
                    disarm(&record.version),
                    disarm(&record.status.to_string())
                )
            }),
        ]);
    }
    for line in table_of(&rows) {
        let _ = writeln!(process.err, "{line}");
    }
    for left_out in &taken.left_out {
        let _ = writeln!(process.err, "left out: {}", disarm(left_out));
    }
}

/// What only a transport knows of its jobs: the version that travels, what the target lacks, and what they are called in
/// messages.
/// Whether a version of the source is one that a tenant may be asked for: numbers and names, no text of any kind.
fn may_travel(version: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=50).contains(&version.len()) && version.chars().all(plain)
}

fn describe(jobs: &mut [Job], taken: &Taken, ends: &Ends) {
    let (_, to) = ends.names();
    for job in jobs {
        let Some(one) = taken
            .artifacts
            .iter()
            .find(|one| to.id.apply(&one.id) == job.id.0)
        else {
            continue;
        };
        if let Some(version) = one.version.as_ref().filter(|text| may_travel(text)) {
            job.rules.version = VersionRule::Travel(version.clone());
        }
        let named = job
            .named
            .iter()
            .map(|named| (named.key.clone(), named.value.clone()));
        job.notes = transport::missing_material(one, &named.collect(), &taken.material);
        if let Source::Files(content) = &mut job.source {
            let temporary = disarm(&content.root.to_string_lossy());
            content.root = PathBuf::from(&one.id);
            for required in &mut job.requires {
                required.place = required.place.replace(&temporary, &one.id);
            }
        }
    }
}

/// What `deploy` would be asked for.
fn wanted_args(args: &TransportArgs) -> WantedArgs {
    WantedArgs {
        environment: Some(args.to.clone()),
        config: args.config.clone(),
        no_create_package: args.no_create_package,
        keep_going: args.keep_going,
        parameters: args.parameters.clone(),
        value_mappings: args.value_mappings.clone(),
        ..WantedArgs::default()
    }
}

fn asked<'a>(args: &'a TransportArgs, wanted: &'a WantedArgs) -> Asked<'a> {
    Asked {
        wanted,
        wait: Some(&args.wait),
        timeout: args.wait.timeout,
        overwrite_drafts: args.overwrite_drafts,
        force: false,
        no_deploy: args.no_deploy,
        proven_only: false,
        pace: &args.pace,
        try_out: &NO_SANDBOX,
    }
}

/// A transport is between two tenants; two simulated ones are served by `flowship sandbox`.
static NO_SANDBOX: TryOutArgs = TryOutArgs {
    sandbox: false,
    scenario: Vec::new(),
};
