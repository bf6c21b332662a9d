//! The process edge: real arguments, environment, directory, streams and signals in; exit code out.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use flowship::Process;
use flowship::clock::Clock;
use flowship::settings::environment::Environment;

fn main() -> ExitCode {
    let clock = Clock::start();
    let environment = Environment::new(env::vars_os());
    let signal = Arc::new(AtomicUsize::new(0));
    for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // without the handler a signal ends the process at once, which loses nothing but the last words
        let _ = signal_hook::flag::register_usize(
            number,
            Arc::clone(&signal),
            usize::try_from(number).unwrap_or(0),
        );
    }
    // not locked: the sandbox logs its requests from threads of its own
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let exit = flowship::run(&mut Process {
        arguments: env::args_os().collect(),
        environment: &environment,
        directory: env::current_dir().unwrap_or_default(),
        out: &mut out,
        err: &mut err,
        terminal: io::stderr().is_terminal(),
        signal,
        clock,
    });
    ExitCode::from(exit.code())
}
