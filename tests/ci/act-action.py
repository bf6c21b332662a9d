#!/usr/bin/env python3
"""The action, executed by act (no Docker, no network): `uses: ./`, and `uses: flowship/flowship@v0` from a consumer's
repository in a directory with spaces and umlauts.

What act cannot show: the hosted runner's own parser of commands, masking and limits.
$FLOWSHIP_BIN is the program (else target/release/flowship), $FLOWSHIP_CI_TOOLS the directory of pinned tools.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("FLOWSHIP_CI_TOOLS", pathlib.Path.home() / ".cache/flowship-ci"))
ACT_VERSION = "v0.2.89"
ID = "flowship.example.HelloTimer"


def act():
    """The pinned runner; about 25 s when it is not there yet."""
    place = TOOLS / "bin" / f"act-{ACT_VERSION}"
    if not place.exists():
        fresh = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        subprocess.run(["go", "install", f"github.com/nektos/act@{ACT_VERSION}"], check=True,
                       env={**os.environ, "GOBIN": str(fresh)})
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fresh / "act", f"{place}.{os.getpid()}")
        os.replace(f"{place}.{os.getpid()}", place)
    return place


def binary():
    given = os.environ.get("FLOWSHIP_BIN")
    if given:
        return pathlib.Path(given).resolve()
    built = REPOSITORY / "target/release/flowship"
    if not built.exists():
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=REPOSITORY, check=True)
    return built


def commit(directory):
    """act wants a repository; a commit gives it a ref and a sha."""
    git = ["git", "-c", "user.email=ci@example.org", "-c", "user.name=ci", "-C", directory]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "as it is"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "git@example.org:team/flows.git"], check=True)


class Tenant:
    """A `flowship sandbox` process."""

    def __enter__(self):
        self.process = subprocess.Popen([PROGRAM, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.variables = {}
        for line in self.process.stdout:
            name, _, value = line.rstrip("\n").partition("=")
            self.variables[name] = value
            if name == "CPI_SERVICE_KEY":
                break
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def forms(secret):
    """A secret as it could stand in a log: plain, quoted, in a URL, in base64 at any place."""
    yield secret
    yield json.dumps(secret)[1:-1]
    for safe in ("", "$!", "-_.!~*'()"):
        yield urllib.parse.quote(secret, safe=safe)
    for shift in range(3):
        # the characters at the ends depend on what stands before and after
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        core = text[4 if shift else 0:-3]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def leaks(texts, secrets):
    found = []
    for name, text in texts.items():
        for secret in secrets:
            found += [f"a secret is in {name}" for form in set(forms(secret)) if form in text]
        if re.search(r"eyJhbGciOi|eyJ0eXAiOi|[Bb]earer [A-Za-z0-9._-]{8}", text):
            found.append(f"a token is in {name}")
    return found


WORKFLOW = """
on: push
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - id: ship
        uses: %(uses)s
        with:
%(inputs)s
      - if: always()
        env:
          ALL: ${{ toJSON(steps.ship.outputs) }}
          OUTCOME: ${{ steps.ship.outcome }}
          SEEN: %(seen)s
        run: |
          printf '%%s' "$ALL" >"$SEEN/outputs.json"
          printf '%%s' "$OUTCOME" >"$SEEN/outcome"
          cp report.xml receipt.json "$SEEN/" || true
"""


class Run:
    """One run of one workflow."""

    def __init__(self, kind, path, environment, inputs, secrets=(), around=()):
        self.kind, self.secrets = kind, secrets
        # no space here: act's own step scripts are run unquoted
        place = pathlib.Path(tempfile.mkdtemp(prefix="run.", dir=SCRATCH))
        self.seen = place / "seen"
        self.seen.mkdir()
        lines = []
        given = {"path": path, "package": "Example", "install": "path", "report-junit": "report.xml", "report-json": "receipt.json"}
        for key, value in {**given, **inputs}.items():
            lines.append(f"          {key}: {json.dumps(value)}")
        (place / "w.yml").write_text(WORKFLOW % {
            "uses": "./" if kind == "own" else "flowship/flowship@v0",
            "inputs": "\n".join(lines), "seen": json.dumps(str(self.seen))})
        # in single quotes: act expands $ in this file otherwise
        # as variables of the job and not as secrets: act would mask them, and hide a leak
        (place / "variables").write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
        (place / "home").mkdir()
        command = [
            ACT, "push", "-W", place / "w.yml", "-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json",
            "--env-file", place / "variables", "--action-cache-path", place / "cache",
        ]
        if kind == "consumer":
            command += ["--local-repository", f"flowship/flowship@v0={ACTION}"]
        ended = subprocess.run(
            [*around, *command], cwd=ACTION if kind == "own" else CONSUMER, capture_output=True, text=True, timeout=180,
            env={"PATH": f"{SCRATCH / 'path'}:{os.environ['PATH']}", "HOME": str(place / "home"), "NO_COLOR": "1"})
        self.log = ended.stdout + ended.stderr + f"act ended with {ended.returncode}"
        self.events = []
        for line in self.log.splitlines():
            try:
                self.events.append(json.loads(line))
            except ValueError:
                pass
        self.text = "\n".join(str(event.get("msg", "")).rstrip() for event in self.events)
        self.result = next((event["jobResult"] for event in self.events if "jobResult" in event), "no job ran")
        self.summary = "".join(event.get("content", "") for event in self.events if event.get("command") == "summary")
        self.errors = [event.get("arg", "") for event in self.events if event.get("command") == "error"]
        self.files = {file.name: file.read_text(errors="replace") for file in self.seen.iterdir()}
        self.outputs = json.loads(self.files.get("outputs.json") or "{}")

    def expect(self, holds, what):
        if not holds:
            print(f"FAILED ({self.kind}): {what}\noutputs: {self.outputs}\nfiles: {sorted(self.files)}\nsummary:\n{self.summary}\n"
                  f"errors: {self.errors}\n--- log\n{self.text[-6000:] if self.files else self.log[-6000:]}\n---", file=sys.stderr)
            raise SystemExit(1)

    def ends(self, result, **outputs):
        self.expect(self.result == result, f"the job is `{self.result}`, expected `{result}`")
        self.expect(self.files.get("outcome") == result, f"the step is `{self.files.get('outcome')}`")
        for name, expected in outputs.items():
            name = name.replace("_", "-")
            self.expect(self.outputs.get(name) == expected, f"output {name} is `{self.outputs.get(name)}`, expected `{expected}`")
        found = leaks({"the log": self.log, "the summary": self.summary, **self.files}, self.secrets)
        self.expect(not found, "; ".join(found))
        return self

    def says(self, *words):
        for word in words:
            self.expect(re.search(word, self.text), f"the log does not say /{word}/")
        return self

    def summarises(self, *words):
        for word in words:
            self.expect(re.search(word, self.summary), f"the summary does not say /{word}/")
        return self


def stories(kind, path):
    digest = DIGEST

    run = Run(kind, path, {}, {"sandbox": "true"})
    run.ends("success", verdict="started", exit_code="0", artifact_id=ID, designtime_version="1.0.0", runtime_version="1.0.0",
             content_sha256=digest).says("SIMULATED").summarises(re.escape(ID), "SIMULATED", "started")
    run.expect(re.fullmatch(r"[0-9a-f]{64}", run.outputs.get("zip-sha256", "")), "zip-sha256 is a digest")
    run.expect(run.outputs.get("task-id", "") in run.text and run.outputs["task-id"], "task-id is that of the log")
    run.expect(json.loads(run.outputs["artifacts"])[0], "artifacts is a JSON array")
    run.expect("<testsuite" in run.files.get("report.xml", ""), "there is a JUnit report")
    run.expect(digest in run.files.get("receipt.json", ""), "there is a receipt with the digest")
    print("  ok: success", flush=True)

    run = Run(kind, path, {}, {"sandbox": "true", "scenario": "start-error\ncause=No credentials for 'ÄLIAS' found"})
    run.ends("failure", verdict="failed", exit_code="1", artifact_id=ID, content_sha256=digest)
    run.says("No credentials for 'ÄLIAS' found").summarises("failed", "ÄLIAS")
    run.expect(any("ÄLIAS" in error for error in run.errors), "the cause is an annotation")
    print("  ok: the tenant says ERROR", flush=True)

    with Tenant() as tenant:
        right = tenant.variables
        secret = right["CPI_CLIENT_SECRET"]
        single = {name: right[name] for name in ("CPI_URL", "CPI_TOKEN_URL", "CPI_CLIENT_ID", "CPI_CLIENT_SECRET")}
        run = Run(kind, path, single, {"timeout": "60s"}, [secret])
        run.ends("success", verdict="started", exit_code="0", content_sha256=digest)
        run.expect("SIMULATED" not in run.summary, "a run against a server is not simulated")
        print("  ok: success against a server, with credentials as variables", flush=True)
        # the same artifact again: proof that the first run really wrote to that server
        run = Run(kind, path, {"THE_KEY": right["CPI_SERVICE_KEY"]}, {"service-key": "${{ env.THE_KEY }}"}, [secret])
        run.ends("success", verdict="unchanged", exit_code="0")
        print("  ok: unchanged, with the input service-key", flush=True)
        wrong = {**single, "CPI_CLIENT_SECRET": "wrong-" + secret[::-1]}
        run = Run(kind, path, wrong, {"timeout": "60s"}, [secret, wrong["CPI_CLIENT_SECRET"]])
        run.ends("failure", verdict="refused", exit_code="4").says("401")
        print("  ok: bad credentials", flush=True)

    run = Run(kind, path, {}, {"sandbox": "true", "scenario": "never-appears", "timeout": "5s"})
    run.ends("failure", verdict="undecided", exit_code="7", artifact_id=ID).says("is not decided")
    print("  ok: deadline", flush=True)

    run = Run(kind, "nowhere/to be found", {}, {"sandbox": "true"})
    run.ends("failure", exit_code="3", content_sha256="").says("nowhere/to be found").summarises("nowhere/to be found")
    print("  ok: wrong directory", flush=True)

    # no credentials and no sandbox: never a success against a toy
    run = Run(kind, path, {}, {})
    run.ends("failure", exit_code="2").says("CPI_SERVICE_KEY")
    run = Run(kind, path, {}, {"sandbox": "true", "install": "nowhere"})
    run.ends("failure", exit_code="2", verdict="").says("the input install is")
    print("  ok: no credentials, wrong input", flush=True)


def without_a_network():
    """In a network namespace that has loopback only: nothing hidden is fetched. The twin proves that it has no network."""
    around = ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    reach = ["python3", "-c", "import socket; socket.create_connection(('192.0.2.1', 443), 2)"]
    twin = subprocess.run([*around, *reach], capture_output=True, text=True)
    if "unreachable" not in twin.stderr:
        print(f"FAILED: no network namespace without a network: {twin.stderr}", file=sys.stderr)
        raise SystemExit(1)
    for kind, path in (("own", OWN_PATH), ("consumer", "flüsse/hello timer")):
        Run(kind, path, {}, {"sandbox": "true"}, around=around).ends("success", verdict="started", content_sha256=DIGEST)
    print("  ok: without a network", flush=True)


def the_tests_can_fail():
    """Twins: what a broken program would give is seen."""
    stub = SCRATCH / "path/flowship"
    stub.unlink()
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    stub.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' && exit\n"
                    "echo verdict=started >>$GITHUB_OUTPUT; echo exit-code=0 >>$GITHUB_OUTPUT; echo \"$CPI_CLIENT_SECRET\" | base64; exit 0\n")
    stub.chmod(0o755)
    run = Run("own", OWN_PATH, {"CPI_CLIENT_SECRET": "a-secret-of-some-length"}, {}, ["a-secret-of-some-length"])
    for what, call in (("a digest", lambda: run.ends("success", content_sha256=DIGEST)), ("a leak", lambda: run.ends("success"))):
        try:
            with open(os.devnull, "w") as nothing:
                shown, sys.stderr = sys.stderr, nothing
                try:
                    call()
                finally:
                    sys.stderr = shown
        except SystemExit:
            continue
        print(f"FAILED: a stub passes for the program ({what})", file=sys.stderr)
        raise SystemExit(1)
    print("  ok: a stub is not taken for the program, a leak in base64 is found", flush=True)


OWN_PATH = "ci-examples/flows/hello-timer"

if __name__ == "__main__":
    SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="flowship-act."))
    try:
        PROGRAM = binary()
        ACT = act()
        packed = subprocess.run([PROGRAM, "pack", REPOSITORY / OWN_PATH, "-o", SCRATCH / "p.zip"], capture_output=True, text=True, check=True)
        DIGEST = re.search(r"[0-9a-f]{64}", packed.stdout).group(0)
        (SCRATCH / "path").mkdir()
        (SCRATCH / "path/flowship").symlink_to(PROGRAM)
        # the action as git holds it, and what is new here
        ACTION = SCRATCH / "Aktion ä ö/flowship"
        files = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-zco", "--exclude-standard"], capture_output=True, check=True).stdout
        for name in files.decode().split("\0"):
            if name and (REPOSITORY / name).is_file():
                (ACTION / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, ACTION / name)
        commit(ACTION)
        CONSUMER = SCRATCH / "Ein Verbraucher für Flüsse"
        shutil.copytree(REPOSITORY / OWN_PATH, CONSUMER / "flüsse/hello timer")
        commit(CONSUMER)
        print("== the action by act: uses: ./", flush=True)
        stories("own", OWN_PATH)
        print("== the action by act: from a consumer's repository", flush=True)
        stories("consumer", "flüsse/hello timer")
        without_a_network()
        the_tests_can_fail()
    finally:
        if os.environ.get("FLOWSHIP_CI_KEEP"):
            print(f"kept: {SCRATCH}")
        else:
            shutil.rmtree(SCRATCH, ignore_errors=True)
