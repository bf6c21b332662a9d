//! The process edge: real arguments, environment, directory, streams and signals in; exit code out.

use std::env;
use std::io::{self, BufReader, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::{panic, thread};

use flowship::clock::Clock;
use flowship::settings::environment::Environment;
use flowship::{Answers, PanicNotice, Process};

fn main() -> ExitCode {
    let clock = Clock::start();
    let environment = Environment::new(env::vars_os());
    // not locked: the sandbox logs its requests from threads of its own
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let exit = flowship::run(&mut Process {
        arguments: env::args_os().collect(),
        environment: &environment,
        directory: env::current_dir().unwrap_or_default(),
        out: &mut out,
        err: &mut err,
        terminal: io::stderr().is_terminal(),
        listen: &listen,
        notice_panics: &notice_panics,
        answers: &answers,
        clock,
    });
    ExitCode::from(exit.code())
}

/// Standard input, where somebody sits at it.
fn answers() -> Option<Answers> {
    let input = io::stdin();
    input
        .is_terminal()
        .then(|| Box::new(BufReader::new(input)) as Answers)
}

/// Keeps the number of the signal that comes first. Where no handler can be set, a signal ends the process at once.
fn listen() -> Arc<AtomicUsize> {
    let signal = Arc::new(AtomicUsize::new(0));
    for number in SIGNALS {
        let value = usize::try_from(*number).unwrap_or(0);
        let _ = signal_hook::flag::register_usize(*number, Arc::clone(&signal), value);
    }
    signal
}

/// Tells the calling thread that another one panicked, so that it ends the run at once and says what the tenant holds. The
/// thread that panicked then waits: release builds abort, which would end the process before anything is said. A panic of the
/// calling thread itself is only reported.
fn notice_panics(tell: PanicNotice) {
    let calling = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == calling {
            let _ = writeln!(io::stderr(), "error: flowship broke off: {info}");
            return;
        }
        tell(info.to_string());
        loop {
            thread::park();
        }
    }));
}

/// Ctrl-C, the end that CI systems ask for, and a terminal that is gone.
#[cfg(unix)]
const SIGNALS: &[i32] = &[
    signal_hook::consts::SIGINT,
    signal_hook::consts::SIGTERM,
    signal_hook::consts::SIGHUP,
];
#[cfg(not(unix))]
const SIGNALS: &[i32] = &[signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];
