# shellcheck shell=bash
# What the runners of ci-examples/ share: pinned tools, a tenant behind a tap, leak search, assertions. Sourced, not run.
#
# FLOWSHIP_BIN       the binary to test (absolute); built with cargo when unset
# FLOWSHIP_CI_TOOLS  where pinned tools live; default ~/.cache/flowship-ci
# FLOWSHIP_CI_KEEP   set: the scratch directory stays, for looking at logs
# shellcheck disable=SC2034 # what is set here is for the runners

set -Eeuo pipefail
export LC_ALL=C.UTF-8

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
TOOLS=${FLOWSHIP_CI_TOOLS:-$HOME/.cache/flowship-ci}
mkdir -p "$TOOLS/bin"

# --- words ---------------------------------------------------------------------------------------------------------

section() { printf '\n=== %s\n' "$*"; }
ok() { printf '  ok    %s\n' "$*"; }
die() {
    printf '  FAIL  %s\n' "$*" >&2
    local log=${SHOW:-${LOG:-}}
    [ ! -f "$log" ] || { echo "--- the end of $log" >&2; tail -n 40 "$log" | cut -c1-400 >&2; }
    exit 1
}

# --- assertions ----------------------------------------------------------------------------------------------------

# has FILE TEXT: the file holds the text.
has() { grep -qF -- "$2" "$1" 2>/dev/null || die "$STORY: «$2» is not in $1"; }
# hasnt FILE TEXT
hasnt() { ! grep -qF -- "$2" "$1" || die "$STORY: «$2» is in $1"; }
# same WHAT GOT EXPECTED
same() { [ "$2" = "$3" ] || die "$STORY: $1 is «$2», expected «$3»"; }
# refused WHAT WHY COMMAND...: a broken twin has to be refused, and for this reason, else the gate proves nothing.
refused() {
    local what=$1 why=$2
    shift 2
    ! "$@" >"$SCRATCH/refused.log" 2>&1 || die "$what was accepted"
    grep -qF -- "$why" "$SCRATCH/refused.log" || { cat "$SCRATCH/refused.log" >&2; die "$what was refused, but not because of «$why»"; }
    ok "refused: $what"
}

# --- scratch, the binary -------------------------------------------------------------------------------------------

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/flowship-ci.XXXXXX")
TENANT_PID=
finish() {
    tenant_stop
    if [ -n "${FLOWSHIP_CI_KEEP:-}" ]; then echo "kept: $SCRATCH"; else rm -rf "$SCRATCH"; fi
}
trap finish EXIT
trap 'echo "  FAIL  ${STORY:-}: line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT TERM

binary() {
    if [ -z "${FLOWSHIP_BIN:-}" ]; then
        (cd "$ROOT" && cargo build --release --locked --quiet)
        FLOWSHIP_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release/flowship
    fi
    case $FLOWSHIP_BIN in /*) ;; *) die "FLOWSHIP_BIN has to be an absolute path, not $FLOWSHIP_BIN" ;; esac
    [ -x "$FLOWSHIP_BIN" ] || die "FLOWSHIP_BIN: $FLOWSHIP_BIN cannot be executed"
    export FLOWSHIP_BIN
    mkdir -p "$SCRATCH/path"
    FIRST=$SCRATCH/path
    ln -sf "$FLOWSHIP_BIN" "$SCRATCH/path/flowship"
    "$FLOWSHIP_BIN" pack "$ROOT/ci-examples/flows/hello-timer" -o "$SCRATCH/hello.zip" >"$SCRATCH/pack.txt"
    # What no stub could know: the digest of the content.
    DIGEST=$(grep -oE '[0-9a-f]{64}' "$SCRATCH/pack.txt" | head -n 1)
    [ ${#DIGEST} -eq 64 ] || die "flowship pack printed no digest"
}

# --- pinned tools --------------------------------------------------------------------------------------------------

# apt PROGRAM PACKAGE
apt_tool() {
    command -v "$1" >/dev/null || apt-get install -y -qq "$2" >/dev/null 2>&1 || die "$1 is missing: apt-get install $2"
    command -v "$1" >/dev/null || die "$1 is missing although $2 was installed"
}
go_tool() { # NAME MODULE VERSION
    [ -x "$TOOLS/bin/$1-$3" ] && return
    GOBIN=$TOOLS/go-$1-$3 go install "$2@$3" || die "go install $2@$3"
    mv "$TOOLS/go-$1-$3/$1" "$TOOLS/bin/$1-$3" && rmdir "$TOOLS/go-$1-$3"
}
python_tool() { # NAME VERSION
    [ -x "$TOOLS/$1-$2/bin/$1" ] && return
    python3 -m venv "$TOOLS/$1-$2" || die "python3 -m venv"
    "$TOOLS/$1-$2/bin/pip" install -q "$1==$2" || die "pip install $1==$2"
}
npm_tool() { # NAME VERSION
    [ -x "$TOOLS/npm-$1-$2/node_modules/.bin/$1" ] && return
    npm install --silent --no-audit --no-fund --prefix "$TOOLS/npm-$1-$2" "$1@$2" >/dev/null || die "npm install $1@$2"
}
# download FILE URL SHA256
download() {
    [ -f "$TOOLS/$1" ] || curl -fsSL --retry 3 -o "$TOOLS/$1" "$2" || die "$2 could not be downloaded"
    echo "$3  $TOOLS/$1" | sha256sum -c --quiet || { rm -f "$TOOLS/$1"; die "$1 has the wrong checksum"; }
}

# --- the repository of a user --------------------------------------------------------------------------------------

# consumer DIR: what somebody has who copied the example flow and parameters.
consumer() {
    rm -rf "$1"
    mkdir -p "$1"
    cp -r "$ROOT/ci-examples/flows" "$ROOT/ci-examples/parameters" "$1/"
    git -C "$1" init -q -b main
    git -C "$1" config user.email ci@example.org
    git -C "$1" config user.name ci
}
commit() {
    git -C "$1" add -A
    git -C "$1" commit -qm "as it is" --allow-empty
    # gitlab-ci-local asks for a remote and its HEAD.
    git -C "$1" remote get-url origin >/dev/null 2>&1 || git -C "$1" remote add origin git@example.org:team/flows.git
    git -C "$1" update-ref refs/remotes/origin/main HEAD
    git -C "$1" symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main
}

# --- the tenant ----------------------------------------------------------------------------------------------------

# tenant OPTION...: a `flowship sandbox` process behind a tap that notes every token it issues. Sets KEY_FILE,
# WRONG_KEY_FILE and TENANT (its address).
# shellcheck disable=SC2120
tenant() {
    tenant_stop
    rm -rf "$SCRATCH/tenant"
    mkdir -p "$SCRATCH/tenant"
    python3 "$HERE/examples-tap.py" "$FLOWSHIP_BIN" "$SCRATCH/tenant" --speed 4 "$@" 2>"$SCRATCH/tenant/log" &
    TENANT_PID=$!
    local waited=0
    until [ -s "$SCRATCH/tenant/ready" ]; do
        kill -0 "$TENANT_PID" 2>/dev/null || die "the sandbox did not start: $(cat "$SCRATCH/tenant/log")"
        [ $((waited += 1)) -lt 100 ] || die "the sandbox does not come up"
        sleep 0.1
    done
    TENANT=$(cat "$SCRATCH/tenant/ready")
    KEY_FILE=$SCRATCH/tenant/key.json
    WRONG_KEY_FILE=$SCRATCH/tenant/wrong-key.json
}
tenant_stop() {
    [ -z "$TENANT_PID" ] || { kill "$TENANT_PID" 2>/dev/null || true; wait "$TENANT_PID" 2>/dev/null || true; }
    TENANT_PID=
}
# tokens N: the tenant issued at least N tokens (0: none at all), so that a search for them says something.
tokens() {
    local n
    n=$(wc -l <"$SCRATCH/tenant/tokens")
    if [ "$1" -eq 0 ]; then same "number of tokens" "$n" 0; else [ "$n" -ge "$1" ] || die "$STORY: $n tokens issued"; fi
}
# deployments N: so many deployments reached the tenant.
deployments() {
    local n
    n=$(curl -fsS --noproxy '*' "$TENANT/sandbox/journal" | grep -o '"decoded":"[^"]*DeployIntegrationDesigntimeArtifact' | wc -l || true)
    same "number of deployments" "$n" "$1"
}
# parameter VALUE: the tenant holds the flow with this Greeting.
parameter() {
    curl -fsS --noproxy '*' "$TENANT/sandbox/state" >"$SCRATCH/tenant/state.json"
    has "$SCRATCH/tenant/state.json" "$1"
}
# no_leak PATH...: neither secret nor token, in any form, in any of these files and directories.
no_leak() { python3 "$HERE/examples-leaks.py" "$SCRATCH/tenant" "$@" || die "$STORY: a secret leaked"; }

# --- JUnit ---------------------------------------------------------------------------------------------------------

# junit_valid FILE: inside the subset that Jenkins and GitLab both read.
junit_valid() {
    [ -s "$1" ] || die "$STORY: there is no $1"
    xmllint --noout --nonet --schema "$HERE/junit.xsd" "$1" >"$SCRATCH/xmllint.log" 2>&1 || { cat "$SCRATCH/xmllint.log" >&2; die "$STORY: $1"; }
}
junit_gate() {
    apt_tool xmllint libxml2-utils
    cat >"$SCRATCH/good.xml" <<'XML'
<testsuites name="flowship" tests="2" failures="1" errors="0" time="1.500"><testsuite name="a" tests="2" failures="1"
errors="0" skipped="0" time="1.500"><testcase classname="a" name="upload" time="1.000"/><testcase classname="a"
name="start" time="0.500"><failure message="no" type="failed">why</failure></testcase></testsuite></testsuites>
XML
    STORY=gate junit_valid "$SCRATCH/good.xml"
    sed 's/name="start"/name="upload"/' "$SCRATCH/good.xml" >"$SCRATCH/twin1.xml"
    sed 's/time="0.500"/time="0.5 s"/' "$SCRATCH/good.xml" >"$SCRATCH/twin2.xml"
    sed 's/<testcase classname="a"/<testcase file="x" classname="a"/' "$SCRATCH/good.xml" >"$SCRATCH/twin3.xml"
    refused "JUnit: the same case twice" "Duplicate key-sequence" junit_valid_quiet "$SCRATCH/twin1.xml"
    refused "JUnit: a time that is no number" "0.5 s" junit_valid_quiet "$SCRATCH/twin2.xml"
    refused "JUnit: an attribute that Jenkins' schema does not know" "'file' is not allowed" junit_valid_quiet "$SCRATCH/twin3.xml"
}
junit_valid_quiet() { xmllint --noout --nonet --schema "$HERE/junit.xsd" "$1"; }

# --- gates of this file itself -------------------------------------------------------------------------------------

leak_gate() {
    # shellcheck disable=SC2119
    tenant
    python3 "$HERE/examples-leaks.py" "$SCRATCH/tenant" --plant "$SCRATCH/planted" || die "planting failed"
    local file
    for file in "$SCRATCH"/planted/*; do
        refused "a leak: ${file##*/}" "LEAK" python3 "$HERE/examples-leaks.py" "$SCRATCH/tenant" "$file"
    done
    rm -rf "$SCRATCH/planted"
    tenant_stop
}

# A program that prints its key where the real one stands: the search has to find it in what a run leaves behind.
leaky() {
    mkdir -p "$SCRATCH/leaky"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\n[ "$1" != --version ] || exec "%s" --version\ncat "$CPI_SERVICE_KEY" 2>/dev/null || echo "$CPI_SERVICE_KEY"\nexit 1\n' "$FLOWSHIP_BIN" >"$SCRATCH/leaky/flowship"
    chmod +x "$SCRATCH/leaky/flowship"
    FIRST=$SCRATCH/leaky
}
leak_found() {
    refused "a program that prints its key" LEAK python3 "$HERE/examples-leaks.py" "$SCRATCH/tenant" "$OUT"
    FIRST=$SCRATCH/path
}

# --- without a network ---------------------------------------------------------------------------------------------

# offline COMMAND...: in a network namespace that has loopback and nothing else.
offline() {
    unshare -n true 2>/dev/null || die "unshare -n is not permitted here"
    # shellcheck disable=SC2016
    unshare -n bash -c 'ip link set lo up; if timeout 3 bash -c "exec 3<>/dev/tcp/1.1.1.1/443" 2>/dev/null; then exit 99; fi; exec "$@"' -- "$@"
}
