#!/usr/bin/env python3
"""The script of the action (.github/action/flowship.sh) against a release server on loopback.

Each story has a twin that differs in one thing and must end the other way, so that no story passes by accident.
The program is $FLOWSHIP_BIN, else target/release/flowship, which is built when it is missing. Needs bash, curl, tar.
"""
import hashlib
import http.server
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
VERSION = re.search(r'(?m)^version = "(.+?)"', (REPOSITORY / "Cargo.toml").read_text()).group(1)
LINUX = f"flowship-v{VERSION}-x86_64-unknown-linux-musl.tar.gz"
SECRET = "s3cr3t/+ of=the key"


def binary():
    given = os.environ.get("FLOWSHIP_BIN")
    if given:
        return pathlib.Path(given).resolve()
    built = REPOSITORY / "target/release/flowship"
    if not built.exists():
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=REPOSITORY, check=True)
    return built


PROGRAM = binary()


def archive(name, member="flowship", content=None):
    """A release archive as the release workflow packs it: one folder, named as the archive."""
    content = PROGRAM.read_bytes() if content is None else content
    folder = re.sub(r"\.(tar\.gz|zip)$", "", name)
    buffer = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f"{folder}/{member}", content)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as packed:
            entry = tarfile.TarInfo(f"{folder}/{member}")
            entry.size, entry.mode = len(content), 0o755
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class Server:
    """Serves what it is given by path: bytes, or (status, bytes), or a list of these, one a request."""

    def __init__(self):
        self.files, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answer = outer.files.get(self.path, (404, b"Not Found"))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                self.send_response(status)
                if isinstance(body, str):
                    self.send_header("Location", body)
                    body = b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"


class Story:
    """One runner: an action directory, a server; all in directories with spaces and umlauts."""

    def __init__(self, sums=None, system="Linux"):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="flowship läuft ", dir=SCRATCH))
        self.action = self.root / "Aktion «ä ö»" / "v0"
        (self.action / ".github").mkdir(parents=True)
        shutil.copytree(REPOSITORY / ".github/action", self.action / ".github/action")
        for name in ("Cargo.toml", "Cargo.lock", "action.yml"):
            shutil.copy(REPOSITORY / name, self.action / name)
        shutil.copytree(REPOSITORY / "src", self.action / "src")
        self.list(sums or {})
        self.server = Server()
        self.output = self.root / "github output"
        self.workspace = self.root / "Arbeits platz"
        self.workspace.mkdir()
        shutil.copytree(REPOSITORY / "ci-examples/flows/hello-timer", self.workspace / "flüsse" / "hello timer")
        self.tools = self.root / "tools"
        self.tools.mkdir()
        self.system = system

    def list(self, sums):
        lines = ["# comment\n"] + [f"{sum}  {name}\n" for name, sum in sums.items()]
        (self.action / ".github/action/SHA256SUMS").write_text("".join(lines))

    def serve(self, name, answer, listed=None):
        self.server.files[f"/mirror/v{VERSION}/{name}"] = answer
        if listed is not None:
            self.list({name: hashlib.sha256(listed).hexdigest()})
        return self

    def tool(self, name, text):
        (self.tools / name).write_text("#!/bin/bash\n" + text)
        (self.tools / name).chmod(0o755)
        return self

    def run(self, install="auto", **more):
        inputs = {
            "COMMAND": "check", "PATH": "flüsse/hello timer", "PACKAGE": "P", "SANDBOX": "true", "FORCE": "false",
            "INSTALL": install, "MIRROR_URL": f"http://user:p4ss@{self.server.host}/mirror/", "TIMEOUT": "10m",
            "WORKING_DIRECTORY": ".", "SERVICE_KEY": SECRET,
        }
        environment = {
            "PATH": f"{self.tools}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.root), "GITHUB_ACTIONS": "true",
            "RUNNER_OS": self.system, "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(self.root / "temp ü"),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_ACTION_PATH": f"{self.action}/", "FLOWSHIP_CI": "none", "NO_COLOR": "1",
            # these must have no effect, nor a .curlrc
            "BASH_ENV": str(self.root / "evil"), "BASH_FUNC_curl%%": "() { echo evil >&2; }",
        }
        (self.root / "evil").write_text("echo evil >&2\n")
        (self.root / ".curlrc").write_text('proxy = "http://127.0.0.1:1"\n')
        (self.root / "temp ü").mkdir(exist_ok=True)
        for key, value in more.items():
            if key.isupper() and key.startswith(("FLOWSHIP", "RUNNER", "GITHUB", "CPI")):
                environment[key] = value
            else:
                inputs[key.upper()] = value
        environment.update({f"INPUT_{key}": value for key, value in inputs.items()})
        ended = subprocess.run(
            ["bash", "-p", f"{environment['GITHUB_ACTION_PATH'].rstrip('/')}/.github/action/flowship.sh"],
            cwd=self.workspace, env=environment, capture_output=True, text=True, timeout=120)
        self.code, self.log = ended.returncode, ended.stdout + ended.stderr
        for hidden in (SECRET, "p4ss", "evil"):
            check(hidden not in self.log, f"`{hidden}` is in the log", self)
        return self

    def ends(self, code, *words, without=()):
        check(self.code == code, f"expected exit code {code}, not {self.code}", self)
        for word in words:
            check(re.search(word, self.log), f"expected /{word}/", self)
        for word in without:
            check(not re.search(word, self.log), f"did not expect /{word}/", self)
        return self

    def asked(self, times):
        check(len(self.server.asked) == times, f"expected {times} requests, not {self.server.asked}", self)
        return self


def check(holds, complaint, story):
    if not holds:
        print(f"FAILED: {complaint}\n--- exit code {story.code}\n{story.log}\n---", file=sys.stderr)
        raise SystemExit(1)


WORKS = r"(?m)^valid.* flowship\.example\.HelloTimer"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
OTHER = b"#!/bin/sh\necho flowship 9.9.9\n"
STUB_CARGO = """
echo "cargo $*" >&2
env | grep -E '^(CPI_|INPUT_SERVICE_KEY|RUSTFLAGS)' >&2
mkdir -p "$CARGO_TARGET_DIR/release" && cp '%s' "$CARGO_TARGET_DIR/release/flowship"
""" % PROGRAM


def good_and_wrong_checksum():
    good = archive(LINUX)
    Story().serve(LINUX, good, listed=good).run("release", command="deploy").ends(
        0, r"SIMULATED started flowship\.example\.HelloTimer", "downloading", without=["::error"]).asked(1)
    for install in ("release", "auto"):
        twin = Story().serve(LINUX, good, listed=good + b"x").tool("cargo", STUB_CARGO).run(install)
        twin.ends(6, r"::error title=flowship::the checksum of http://127\.0\.0\.1:\d+/mirror/v.* is wrong: expected",
                  "%0Awhat came is not", without=["SIMULATED", "cargo"])
        check("exit-code=6" in twin.output.read_text(), "exit-code is an output", twin)
        check(not list(twin.root.glob("temp ü/**/flowship")), "nothing may be unpacked", twin)


def missing_asset():
    good = archive(LINUX)
    Story().serve("other", b"", listed=None).run("release").ends(
        2, "::error title=flowship::install: release, but this commit of the action lists no release asset").asked(0)
    listed = {LINUX: hashlib.sha256(good).hexdigest()}
    Story(listed).run("release").ends(2, r"install: release, but http.*does not exist \(HTTP 404\)").asked(1)
    auto = Story(listed).tool("cargo", STUB_CARGO).run("auto", CPI_CLIENT_SECRET=SECRET)
    auto.ends(0, "does not exist", "cargo build --release --locked", WORKS, without=["CPI_", "INPUT_", "::error"]).asked(1)
    auto.tool("cargo", "exit 1\n").run("build").ends(2, "could not be built")
    # twin: without cargo, auto says both reasons
    Story(listed).run("auto").ends(2, "cargo was not found", "HTTP 404")


def trouble_is_not_absence():
    good = archive(LINUX)
    for answer, code, word in (((503, b"busy"), 5, "HTTP 503"), ((403, b""), 4, "HTTP 403")):
        Story().serve(LINUX, answer, listed=good).tool("cargo", STUB_CARGO).tool("sleep", "").run("auto").ends(
            code, word, without=["cargo build"])
    # twin: a passing trouble
    Story().serve(LINUX, [(503, b""), good], listed=good).run("release").ends(0, WORKS).asked(2)
    nowhere = Story().serve(LINUX, good, listed=good).tool("cargo", STUB_CARGO)
    nowhere.run("auto", mirror_url="http://127.0.0.1:1/mirror").ends(5, "curl ended with 7", without=["cargo build"])
    # a mirror over https must not lead to http: refused before anything is sent
    Story().serve(LINUX, good, listed=good).run("release", mirror_url="ftp://127.0.0.1/x").ends(2, "mirror-url is not")
    moved = Story().serve(LINUX, (302, f"/mirror/v{VERSION}/moved"), listed=good).serve("moved", good)
    moved.list({LINUX: hashlib.sha256(good).hexdigest()})
    moved.run("release").ends(0, WORKS).asked(2)
    Story().serve(LINUX, (302, "file:///etc/passwd"), listed=good).run("release").ends(5, "curl ended with 1")


def nothing_of_others_is_run():
    good = archive(LINUX)
    # what another step or job has put into PATH is taken only when it is asked for
    story = Story().tool("flowship", f"echo planted >&2; exec '{PROGRAM}' \"$@\"\n").serve(LINUX, good, listed=good)
    story.run("auto").ends(0, "downloading", WORKS, without=["planted", "from PATH"]).asked(1)
    story.run("path").ends(0, "planted", "from PATH", WORKS).asked(1)
    # without a directory of its own the action would work in one that everybody can write
    story = Story().serve(LINUX, good, listed=good).tool("cargo", STUB_CARGO)
    for install in ("auto", "release", "build", "path"):
        story.run(install, RUNNER_TEMP="").ends(2, "::error title=flowship::RUNNER_TEMP is not set", without=["cargo "]).asked(0)
    story.run("auto").ends(0, WORKS)


def path_only_with_the_same_version():
    Story().tool("flowship", f"exec '{PROGRAM}' \"$@\"\n").run("path").ends(0, "from PATH", WORKS).asked(0)
    Story().tool("flowship", OTHER.decode()).run("path").ends(2, f"is not version {re.escape(VERSION)}", without=["SIMULATED"])
    Story().run("path").ends(2, "there is no flowship in PATH")


def an_asset_that_does_not_run():
    other = archive(LINUX, content=OTHER)
    Story().serve(LINUX, other, listed=other).run("release").ends(6, "does not run on this runner or is not version")
    strange = archive(LINUX, member="something")
    Story().serve(LINUX, strange, listed=strange).run("release").ends(6, "is not in it")


def windows_and_macos_names():
    """The names and archives of the other systems; the programs inside are this machine's."""
    for system, architecture, target, suffix, member in (
        ("Windows", "X64", "x86_64-pc-windows-msvc", "zip", "flowship.exe"),
        ("macOS", "ARM64", "aarch64-apple-darwin", "tar.gz", "flowship"),
        ("macOS", "X64", "x86_64-apple-darwin", "tar.gz", "flowship"),
        ("Linux", "ARM64", "aarch64-unknown-linux-musl", "tar.gz", "flowship"),
    ):
        name = f"flowship-v{VERSION}-{target}.{suffix}"
        if suffix == "zip" and not shutil.which("unzip"):
            print(f"  SKIPPED: {name}: no unzip here")
            continue
        packed = archive(name, member)
        story = Story(system=system).serve(name, packed, listed=packed)
        story.run("release", RUNNER_ARCH=architecture).ends(0, WORKS).asked(1)
        Story(system=system).serve(name, packed, listed=packed).run("release", RUNNER_ARCH="RISCV").ends(2, "lists no release asset").asked(0)


def inputs_are_checked_and_handed_over():
    def story():
        return Story().tool("flowship", "if [ \"$1\" = --version ]; then echo flowship %s; exit; fi\n"
                            "printf '[%%s]' \"$@\"; echo; pwd; echo \"FLOWSHIP_SET=$FLOWSHIP_SET\"; env | grep -E '^(FLOWSHIP|CPI|INPUT)_' | sed 's/^CPI_SERVICE_KEY=..*/key is there/'\n" % VERSION)
    story().run("path", command="deploy", sandbox="maybe").ends(2, "the input sandbox is `maybe`")
    story().run("path", command="undeploy; id").ends(2, "the input command is `undeploy; id`")
    story().run("path", command="x\n::warning::y").ends(2, "%0A::warning", without=[r"(?m)^\s*::warning"])
    story().run("path", command="pack", out="x.zip", path="").ends(2, "pack needs the input path")
    story().run("path", working_directory="nowhere").ends(2, "there is no directory nowhere")
    story().run("sometimes").ends(2, "the input install is `sometimes`")
    given = story().run("path", command="deploy", force="true", scenario="slow=1\n\n start-error \n", path="a b\n-c\n", set="A=1\nB=$(id) `x` \"",
                        no_create_package="false", working_directory="flüsse", timeout="5s", report_junit="j.xml")
    given.ends(0, re.escape("[deploy][--sandbox][--scenario=slow=1][--scenario=start-error][--force][--][a b][-c]"),
               "/flüsse\n", "FLOWSHIP_SET=A=1\nB=" + re.escape("$(id) `x` \""), "FLOWSHIP_TIMEOUT=5s", "key is there",
               "FLOWSHIP_REPORT_JUNIT=j.xml", without=["INPUT_"])
    given = story().run("path", command="redeploy", id="A\nB", sandbox="false", FLOWSHIP_TIMEOUT="1h", FLOWSHIP_PACKAGE="Mine", package="", service_key="")
    given.ends(0, r"\[redeploy\]\[--\]\[A\]\[B\]", "FLOWSHIP_TIMEOUT=1h", "FLOWSHIP_PACKAGE=Mine", without=["key is there", "FLOWSHIP_ID"])
    given = story().run("path", command="pack", out="o u t.zip", id="I", name="N n")
    given.ends(0, re.escape("[pack][--out=o u t.zip][--id=I][--name=N n][--][flüsse/hello timer]"))


STORIES = [good_and_wrong_checksum, missing_asset, trouble_is_not_absence, nothing_of_others_is_run,
           path_only_with_the_same_version, an_asset_that_does_not_run, windows_and_macos_names, inputs_are_checked_and_handed_over]

if __name__ == "__main__":
    SCRATCH = tempfile.mkdtemp(prefix="flowship-install.")
    try:
        print("== the action's installation, against a server on loopback", flush=True)
        for one in STORIES:
            one()
            print(f"  ok: {one.__name__.replace('_', ' ')}", flush=True)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
