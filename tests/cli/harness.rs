//! Runs the real binary in an empty environment, against a sandbox in this process, and looks at everything it says.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flowship::sandbox::{
    Deed, LoggedRequest, Preload, RequestLog, Sandbox, SandboxOptions, Scenario,
};
use tempfile::TempDir;

/// Nothing that is right takes longer; a run that hangs is ended and fails its test.
const LIMIT: Duration = Duration::from_secs(120);
/// Tenant seconds in a second of the test.
const SPEED: f64 = 20.0;

/// A simulated tenant of one test.
pub(crate) struct Tenant {
    sandbox: Arc<Sandbox>,
}

impl Tenant {
    /// An empty tenant that behaves as these scenarios say.
    pub(crate) fn new(scenarios: &[&str]) -> Self {
        Self::holding(scenarios, Vec::new())
    }

    /// A tenant that holds something from the start.
    pub(crate) fn holding(scenarios: &[&str], preload: Vec<Preload>) -> Self {
        Self::at_speed(SPEED, scenarios, preload)
    }

    /// The same, with another relation between its seconds and ours.
    pub(crate) fn at_speed(speed: f64, scenarios: &[&str], preload: Vec<Preload>) -> Self {
        let options = SandboxOptions {
            scenarios: parsed(scenarios),
            speed,
            preload,
            ..SandboxOptions::default()
        };
        Self {
            sandbox: Arc::new(Sandbox::start(options).unwrap()),
        }
    }

    /// The same, where a colleague does something to an artifact once, as soon as so many requests (but those for tokens)
    /// have been carried out, and before the last of them is answered.
    pub(crate) fn visited(
        scenarios: &[&str],
        preload: Vec<Preload>,
        id: &str,
        request: usize,
        deed: Deed,
    ) -> Self {
        let place: Arc<OnceLock<Weak<Sandbox>>> = Arc::default();
        let (found, id, mut seen) = (Arc::clone(&place), id.to_owned(), 0);
        let watch = move |entry: &LoggedRequest| {
            seen += usize::from(!entry.decoded.contains("/oauth"));
            if seen == request && !entry.decoded.contains("/oauth") {
                let sandbox = found.get().and_then(Weak::upgrade).unwrap();
                assert!(sandbox.colleague(&id, &deed), "{deed:?} is not possible");
            }
        };
        let options = SandboxOptions {
            scenarios: parsed(scenarios),
            speed: SPEED,
            preload,
            watch: Some(Box::new(watch)),
            ..SandboxOptions::default()
        };
        let sandbox = Arc::new(Sandbox::start(options).unwrap());
        place.set(Arc::downgrade(&sandbox)).unwrap();
        Self { sandbox }
    }

    /// The value of one of the variables that lead here.
    pub(crate) fn variable(&self, name: &str) -> String {
        let variables = self.sandbox.variables();
        let found = variables.into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    }

    /// The requests that arrived, as `METHOD decoded-target`, without those for tokens.
    pub(crate) fn requests(&self) -> Vec<String> {
        let all = self.all_requests().into_iter();
        all.filter(|request| !request.contains("/oauth")).collect()
    }

    /// The requests that arrived, as `METHOD decoded-target`.
    pub(crate) fn all_requests(&self) -> Vec<String> {
        let entries = self.request_log().entries.into_iter();
        entries
            .map(|entry| format!("{} {}", entry.method, entry.decoded))
            .collect()
    }

    /// Fails if anything was changed, or was tried to be changed.
    pub(crate) fn is_untouched(&self) {
        let writes: Vec<String> = self
            .requests()
            .into_iter()
            .filter(|request| !request.starts_with("GET ") && !request.starts_with("HEAD "))
            .collect();
        assert!(writes.is_empty(), "the tenant was written: {writes:#?}");
    }

    /// Fails unless exactly one deployment was accepted and nothing was undeployed.
    pub(crate) fn deployed_once(&self, id: &str) {
        self.deployed(id, 1);
    }

    /// Fails unless exactly so many deployments were accepted and nothing was undeployed.
    pub(crate) fn deployed(&self, id: &str, times: usize) {
        assert_eq!(
            (self.deployments(id), self.undeployments(id)),
            (times, 0),
            "deployments and undeployments of {id}\n{}",
            self.transcript()
        );
        let deletions = self.request_log().matching("DELETE", "").len();
        assert_eq!(deletions, 0, "something was deleted");
    }

    /// Fails unless this flow is STARTED with exactly these files, and gives the parameters that it runs with.
    pub(crate) fn runs(&self, flow: &super::flow::Flow) -> Vec<(String, String)> {
        let running = self.running(&flow.id).unwrap_or_else(|| {
            panic!("{} does not run\n{}", flow.id, self.transcript());
        });
        assert_eq!(running.status, "STARTED", "{}", self.transcript());
        assert_eq!(
            super::flow::unzipped(&running.zip),
            flow.contents(),
            "what runs is not what was handed over"
        );
        running.parameters.into_iter().collect()
    }

    /// All requests, for the message of a failed test.
    pub(crate) fn transcript(&self) -> String {
        let RequestLog { entries } = self.request_log();
        entries.iter().map(|entry| format!("{entry}\n")).collect()
    }
}

fn parsed(scenarios: &[&str]) -> Vec<Scenario> {
    let scenarios = scenarios.iter();
    scenarios
        .map(|name| Scenario::parse(name).unwrap())
        .collect()
}

impl std::ops::Deref for Tenant {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// One call of the binary.
#[must_use]
pub(crate) struct Flowship<'a> {
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    directory: Directory,
    tenants: Vec<&'a Tenant>,
    secrets: Vec<String>,
    closed_stdout: bool,
    full_stdout: bool,
    below: PathBuf,
}

enum Directory {
    Own(TempDir),
    Given(PathBuf),
}

impl Directory {
    fn path(&self) -> &Path {
        match self {
            Directory::Own(directory) => directory.path(),
            Directory::Given(path) => path,
        }
    }
}

impl<'a> Flowship<'a> {
    pub(crate) fn new() -> Self {
        Self {
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: Directory::Own(TempDir::new().unwrap()),
            tenants: Vec::new(),
            secrets: Vec::new(),
            closed_stdout: false,
            full_stdout: false,
            below: PathBuf::new(),
        }
    }

    /// `flowship deploy PATH --package Orders` against this tenant.
    pub(crate) fn deploy(tenant: &'a Tenant, path: &Path) -> Self {
        Self::new()
            .against(tenant)
            .arg("deploy")
            .arg(path)
            .args(["--package", "Orders"])
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Where it runs; otherwise in an empty directory of its own.
    pub(crate) fn in_directory(mut self, path: &Path) -> Self {
        self.directory = Directory::Given(path.to_owned());
        self
    }

    /// The directory of this run, which is searched for secrets at its end.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// In a folder below that directory.
    pub(crate) fn below(mut self, folder: &str) -> Self {
        fs::create_dir_all(self.path().join(folder)).unwrap();
        self.below = folder.into();
        self
    }

    /// With this file in the directory that it runs in.
    pub(crate) fn beside(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(&self.below).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// With a copy of this artifact as `flow` in the directory that it runs in.
    pub(crate) fn with_flow(self, flow: &super::flow::Flow) -> Self {
        let files = flow.contents().into_iter();
        files.fold(self, |call, (name, bytes)| {
            call.beside(&format!("flow/{name}"), bytes)
        })
    }

    /// With the service key of this tenant, and quick looks at it.
    pub(crate) fn against(self, tenant: &'a Tenant) -> Self {
        let key = tenant.variable("CPI_SERVICE_KEY");
        self.watching(tenant).env("CPI_SERVICE_KEY", key)
    }

    /// Without a key, but with an eye on this tenant's secrets.
    pub(crate) fn watching(mut self, tenant: &'a Tenant) -> Self {
        self.tenants.push(tenant);
        self.env("FLOWSHIP_POLL_INTERVAL", "50ms")
    }

    /// Something else that must not be seen in any output.
    pub(crate) fn hiding(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Nobody reads standard output.
    pub(crate) fn with_closed_stdout(mut self) -> Self {
        self.closed_stdout = true;
        self
    }

    /// Standard output is a device on which there is no room.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_full_stdout(mut self) -> Self {
        self.full_stdout = true;
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Run {
        self.start().end()
    }

    /// Starts it and lets it run.
    pub(crate) fn start(self) -> Running<'a> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowship"));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path().join(&self.below))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let before = match &self.directory {
            Directory::Given(path) if is_temporary(path) => files_below(path),
            _ => Vec::new(),
        };
        if self.full_stdout {
            let device = fs::File::options().write(true).open("/dev/full");
            command.stdout(device.unwrap());
        }
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().filter(|_| !self.closed_stdout);
        let stdout = stdout.map(Stream::of);
        let stderr = Stream::of(child.stderr.take().unwrap());
        Running {
            before,
            call: self,
            child,
            stdout,
            stderr,
            until: Instant::now() + LIMIT,
        }
    }
}

/// What a stream says, line by line as it comes.
struct Stream {
    lines: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = Vec::new();
                match stream.read_until(b'\n', &mut line) {
                    Ok(count) if count > 0 && sender.send(line).is_ok() => {}
                    _ => return,
                }
            }
        });
        Self {
            lines,
            seen: Vec::new(),
            reader,
        }
    }

    /// Waits for a line that holds this text.
    fn wait_for(&mut self, text: &str, until: Instant) -> String {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.extend_from_slice(&line);
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout | mpsc::RecvTimeoutError::Disconnected) => {
                    panic!(
                        "never said `{text}`, but:\n{}",
                        String::from_utf8_lossy(&self.seen)
                    )
                }
            }
        }
    }

    fn rest(mut self) -> Vec<u8> {
        for line in &self.lines {
            self.seen.extend_from_slice(&line);
        }
        self.reader.join().unwrap();
        self.seen
    }
}

/// A process that has not ended.
pub(crate) struct Running<'a> {
    call: Flowship<'a>,
    /// What stood in a given directory before.
    before: Vec<(PathBuf, Vec<u8>)>,
    child: Child,
    stdout: Option<Stream>,
    stderr: Stream,
    until: Instant,
}

impl Running<'_> {
    /// Waits for a line on standard error; gives the line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        self.stderr.wait_for(text, self.until)
    }

    /// Waits for a line on standard output; gives the line.
    pub(crate) fn wait_for_stdout(&mut self, text: &str) -> String {
        self.stdout.as_mut().unwrap().wait_for(text, self.until)
    }

    /// Sends a signal by its name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Waits for the end, and searches everything that was said or written for secrets.
    pub(crate) fn end(mut self) -> Run {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= self.until {
                self.child.kill().unwrap();
                let said = String::from_utf8_lossy(&self.stderr.rest()).into_owned();
                panic!("still running after {LIMIT:?}: {said}");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let stdout = self.stdout.take().map(Stream::rest).unwrap_or_default();
        let run = Run {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(self.stderr.rest()).unwrap(),
            line: format!("{:?}", self.call.arguments),
            files: match &self.call.directory {
                Directory::Own(directory) => files_below(directory.path()),
                // what this run wrote into a repository of the test; the test's own files may hold anything
                Directory::Given(path) if is_temporary(path) => {
                    let all = files_below(path).into_iter();
                    all.filter(|file| !self.before.contains(file)).collect()
                }
                Directory::Given(_) => Vec::new(),
            },
        };
        leaks_nothing(&self.call, &run);
        for tenant in &self.call.tenants {
            let journal = tenant.request_log();
            let leaking = journal.entries.iter().find(|entry| entry.secret_in_target);
            assert!(leaking.is_none(), "a secret in an address: {leaking:?}");
        }
        run
    }
}

/// How a call of the binary ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    line: String,
    /// What stood in its own directory at its end.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Run {
    /// Fails unless this was the exit code.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has_not(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text), "`{text}` on stdout\n{self}");
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no `{text}` on stdout\n{self}");
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` on stderr\n{self}");
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has_not(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "`{text}` on stderr\n{self}");
        self
    }

    /// Fails unless the first word of the result is this verdict.
    #[track_caller]
    pub(crate) fn verdict(self, word: &str) -> Self {
        let first = self.stdout.split_whitespace().next().unwrap_or_default();
        assert_eq!(first, word, "{self}");
        self
    }

    /// Fails unless standard output is empty.
    #[track_caller]
    pub(crate) fn no_stdout(self) -> Self {
        assert_eq!(self.stdout, "", "{self}");
        self
    }

    /// The text of a file that stood in its own directory at its end.
    #[track_caller]
    pub(crate) fn written(&self, name: &str) -> String {
        let found = self.files.iter().find(|(path, _)| path.ends_with(name));
        let (_, bytes) = found.unwrap_or_else(|| panic!("no file `{name}`\n{self}"));
        String::from_utf8(bytes.clone()).unwrap()
    }

    /// The one object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "flowship {}\nexit code {:?}\n--- stdout\n{}--- stderr\n{}---",
            self.line, self.code, self.stdout, self.stderr
        )
    }
}

/// Searches both streams and every file in the working directory.
fn leaks_nothing(call: &Flowship<'_>, run: &Run) {
    let mut secrets = call.secrets.clone();
    for tenant in &call.tenants {
        secrets.extend(tenant.secrets());
        for (user, secret) in [
            ("CPI_CLIENT_ID", "CPI_CLIENT_SECRET"),
            ("CPI_USERNAME", "CPI_PASSWORD"),
        ] {
            let pair = format!("{}:{}", tenant.variable(user), tenant.variable(secret));
            secrets.push(pair);
        }
    }
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(
            !run.stdout.contains(&form) && !run.stderr.contains(&form),
            "a secret was printed, as {form}\n{run}"
        );
        for (path, bytes) in &run.files {
            let found = bytes
                .windows(form.len())
                .any(|window| window == form.as_bytes());
            assert!(!found, "a secret was written to {}", path.display());
        }
    }
}

/// A secret as it is, in base64 wherever it may begin, and as a part of an address.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        encoded(secret, true),
        encoded(secret, false),
    ];
    for before in 0..3 {
        let shifted = [vec![0; before], secret.as_bytes().to_vec()].concat();
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(&shifted);
            // the first and last letters depend on what stands around the secret
            let first = [0, 2, 3][before];
            let last = text.trim_end_matches('=').len() - 1;
            forms.push(text[first..last].to_owned());
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn encoded(text: &str, upper: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

/// Whether a directory belongs to a test, and not to the sources of this program.
fn is_temporary(path: &Path) -> bool {
    path.starts_with(std::env::temp_dir())
}

fn files_below(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path, bytes));
        }
    }
    found
}

/// Tries all cases at once, as far as that is sensible: they mostly wait. A case that fails is named.
pub(crate) fn together<T: Sync>(cases: &[T], try_one: impl Fn(&T) + Sync) {
    const AT_ONCE: usize = 8;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE.min(cases.len()))
            .map(|_| {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        try_one(case);
                    }
                })
            })
            .collect();
        // all are waited for, then the first failure counts; its words were printed when it happened
        let ends: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        let failed = ends.iter().filter(|end| end.is_err()).count();
        assert_eq!(
            failed,
            0,
            "{failed} of {} workers met a case that failed",
            ends.len()
        );
    });
}
