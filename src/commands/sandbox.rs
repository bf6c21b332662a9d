//! `sandbox`: serve a simulated tenant until a signal comes.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::console::Console;
use super::refusal::{Refusal, not_an_artifact, open};
use super::target::scenarios;
use crate::Process;
use crate::artifact::{Archive, PackOptions};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::sandbox::{Preload, Sandbox, SandboxOptions, ledger};

/// How often a signal is looked for.
const SIGNAL_EVERY: Duration = Duration::from_millis(50);

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// The loopback address and port to listen on; port 0 takes a free one. [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// How the tenant behaves; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub scenario: Vec<String>,
    /// How many seconds pass on the tenant while one passes here. [default: 1]
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<f64>,
    /// The beginning of the names of the printed variables, for several tenants at once. [default: CPI]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// An artifact that the tenant holds and runs from the start: its path and its package. May be repeated.
    #[arg(long, value_name = "PATH:PACKAGE")]
    pub preload: Vec<OsString>,
    /// Prints the scenarios, and where each behaviour comes from, and ends.
    #[arg(long)]
    pub list: bool,
}

/// Prints the variables that lead a client to the sandbox, then serves until a signal comes.
pub(crate) fn run(
    args: &SandboxArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    if args.list {
        let written = write!(process.out, "{}", ledger());
        return Ok(console.finish(written, Exit::Ok, process));
    }
    let sandbox = start(args, process)?;
    let signal = (process.listen)();
    if let Err(error) = announce(&sandbox, args.prefix.as_deref(), process.out) {
        let _ = writeln!(
            process.err,
            "error: the variables could not be printed: {error}"
        );
        return Ok(Exit::Usage);
    }
    let _ = writeln!(
        process.err,
        "a simulated tenant serves at {}; Ctrl-C ends it",
        sandbox.url()
    );
    loop {
        match Exit::of_signal(signal.load(Ordering::Relaxed)) {
            None => thread::sleep(SIGNAL_EVERY),
            Some(exit) => return Ok(exit),
        }
    }
}

fn start(args: &SandboxArgs, process: &Process<'_>) -> Result<Sandbox, Refusal> {
    let listen = args.listen.as_deref().unwrap_or("127.0.0.1:0");
    let listen = listen
        .replace("localhost", "127.0.0.1")
        .parse()
        .map_err(|_| {
            let what = format!("`{listen}` is no address and port");
            let hint = "write 127.0.0.1:8080, or 127.0.0.1:0 for a free port";
            Refusal::wrong("--listen", what, hint)
        })?;
    let mut preload = Vec::new();
    for given in &args.preload {
        preload.push(preloaded(&given.to_string_lossy(), process)?);
    }
    Sandbox::start(SandboxOptions {
        listen,
        scenarios: scenarios(&args.scenario)?,
        speed: args.speed.unwrap_or(1.0),
        log: Some(Box::new(io::stderr())),
        preload,
        ..SandboxOptions::default()
    })
    .map_err(|error| Refusal::usage(Message::new(error.to_string())))
}

/// Reads `PATH:PACKAGE`.
fn preloaded(given: &str, process: &Process<'_>) -> Result<Preload, Refusal> {
    let refused = |what: String| Refusal::usage(Message::new(what).at("--preload"));
    let parts = given.rsplit_once(':');
    let parts = parts.filter(|(path, package)| !path.is_empty() && !package.is_empty());
    let (path, package) = parts.ok_or_else(|| refused(format!("`{given}` is not PATH:PACKAGE")))?;
    let artifact = open(path.as_ref(), process)?;
    let archive = Archive::pack(&artifact, &PackOptions::default())
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let mut zip = Vec::new();
    archive
        .copy_to(&mut zip)
        .map_err(|error| refused(format!("the artifact can't be packed: {error}")))?;
    Ok(Preload {
        package_id: package.to_owned(),
        zip,
        deployed: true,
        ..Preload::default()
    })
}

fn announce(sandbox: &Sandbox, prefix: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    for (name, value) in sandbox.variables() {
        match (prefix, name.strip_prefix("CPI")) {
            (Some(prefix), Some(rest)) => writeln!(out, "{prefix}{rest}={value}")?,
            _ => writeln!(out, "{name}={value}")?,
        }
    }
    out.flush()
}
