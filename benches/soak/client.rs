//! One command: the release binary in a process of its own, until it ends or is ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked whether the process has ended.
const LOOK: Duration = Duration::from_millis(3);

/// A process that others may send signals to, as long as it is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target(Arc<Mutex<Option<u32>>>);

impl Target {
    /// Sends a signal. Whoever has ended is not hit: its number is given away only after it was taken out of here.
    pub(crate) fn signal(&self, name: &str) -> bool {
        let alive = self.0.lock().unwrap();
        let Some(id) = *alive else { return false };
        let sent = Command::new("kill")
            .args([format!("-{name}"), id.to_string()])
            .stderr(Stdio::null())
            .status();
        sent.is_ok_and(|status| status.success())
    }
}

/// What a command needs.
pub(crate) struct Call<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) arguments: &'a [String],
    pub(crate) variables: &'a [(String, String)],
    pub(crate) directory: &'a Path,
    /// Where its streams are kept.
    pub(crate) streams: &'a Path,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// It had to be ended, because it would not end itself.
    pub(crate) overdue: bool,
}

impl Call<'_> {
    pub(crate) fn run(&self, target: &Target, limit: Duration) -> Ended {
        let (out, err) = (self.stream("stdout"), self.stream("stderr"));
        let mut child = Command::new(self.binary)
            .args(self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory)
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        *target.0.lock().unwrap() = Some(child.id());
        let (code, overdue) = wait(&mut child, target, limit);
        let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Ended {
            code,
            stdout: text(out),
            stderr: text(err),
            overdue,
        }
    }

    fn stream(&self, name: &str) -> PathBuf {
        self.streams.join(name)
    }
}

fn wait(child: &mut Child, target: &Target, limit: Duration) -> (Option<i32>, bool) {
    let until = Instant::now() + limit;
    let mut overdue = false;
    loop {
        let mut alive = target.0.lock().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            *alive = None;
            return (status.code(), overdue);
        }
        if !overdue && Instant::now() >= until {
            overdue = true;
            child.kill().unwrap();
        }
        drop(alive);
        thread::sleep(LOOK);
    }
}
