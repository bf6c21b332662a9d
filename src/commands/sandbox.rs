//! `sandbox`: serve a simulated tenant until a signal comes.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::target::scenarios;
use super::{Refusal, not_an_artifact, open};
use crate::Process;
use crate::artifact::{Archive, PackOptions};
use crate::cli::SandboxArgs;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::sandbox::{Preload, Sandbox, SandboxOptions, ledger};
use crate::settings::options::Options;

/// How often a signal is looked for.
const SIGNAL_EVERY: Duration = Duration::from_millis(50);

/// Prints the variables that lead a client to the sandbox, then serves until a signal comes.
pub(super) fn sandbox(args: &SandboxArgs, process: &mut Process<'_>) -> Result<Exit, Refusal> {
    if args.list {
        return Ok(list(process));
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
        match signal.load(Ordering::Relaxed) {
            0 => thread::sleep(SIGNAL_EVERY),
            2 => return Ok(Exit::Interrupted),
            _ => return Ok(Exit::Terminated),
        }
    }
}

fn start(args: &SandboxArgs, process: &Process<'_>) -> Result<Sandbox, Refusal> {
    let options = Options::new(process.environment);
    let listen = options
        .text(args.listen.as_deref(), "listen")
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listen = listen
        .replace("localhost", "127.0.0.1")
        .parse()
        .map_err(|_| {
            Refusal::usage(
                Message::new(format!("`{listen}` is no address and port"))
                    .at("--listen")
                    .hint("write 127.0.0.1:8080, or 127.0.0.1:0 for a free port"),
            )
        })?;
    let mut preload = Vec::new();
    for given in &args.preload {
        preload.push(preloaded(&given.to_string_lossy(), process)?);
    }
    let scenarios = scenarios(&args.scenario)?;
    let log: Box<dyn Write + Send> = Box::new(io::stderr());
    Sandbox::start(SandboxOptions {
        listen,
        scenarios,
        speed: args.speed.unwrap_or(1.0),
        log: Some(log),
        preload,
        ..SandboxOptions::default()
    })
    .map_err(|error| Refusal::usage(Message::new(error.to_string())))
}

/// Reads `PATH:PACKAGE`.
fn preloaded(given: &str, process: &Process<'_>) -> Result<Preload, Refusal> {
    let Some((path, package)) = given
        .rsplit_once(':')
        .filter(|(path, package)| !path.is_empty() && !package.is_empty())
    else {
        return Err(Refusal::usage(
            Message::new(format!("`{given}` is not PATH:PACKAGE")).at("--preload"),
        ));
    };
    let artifact = open(path.as_ref(), process)?;
    let archive = Archive::pack(&artifact, &PackOptions::default())
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let mut zip = Vec::new();
    archive.copy_to(&mut zip).map_err(|error| {
        Refusal::usage(
            Message::new(format!("the artifact can't be packed: {error}")).at("--preload"),
        )
    })?;
    Ok(Preload {
        package_id: package.to_owned(),
        zip,
        deployed: true,
        configured: Vec::new(),
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

fn list(process: &mut Process<'_>) -> Exit {
    let written = write!(process.out, "{}", ledger()).and_then(|()| process.out.flush());
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => {
            let _ = writeln!(
                process.err,
                "warning: the list could not be written: {error}"
            );
            Exit::Ok
        }
    }
}
