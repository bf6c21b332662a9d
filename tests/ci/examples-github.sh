#!/usr/bin/env bash
# Runs ci-examples/github/ unchanged with act: real workflow engine, real steps, real binary, a simulated tenant.
#
# What act is not: it knows no protected environments, no approvals and no concurrency groups; it reads over them.
# shellcheck source-path=SCRIPTDIR source=examples-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/examples-lib.sh"

section "GitHub: tools"
binary
apt_tool xmllint libxml2-utils
go_tool act github.com/nektos/act v0.2.89
go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint v1.7.12
python_tool zizmor 1.32.0
ACT=$TOOLS/bin/act-v0.2.89
ok "act $("$ACT" --version | grep -oE '[0-9.]+$')"

EXAMPLES=$ROOT/ci-examples/github
PIN=flowship/flowship@v0.1.0
# FLOWSHIP_ACTION: another checkout of the action than this one.
ACTION=${FLOWSHIP_ACTION:-$ROOT}
[ -f "$ACTION/action.yml" ] || die "there is no $ACTION/action.yml"

# --- without running -----------------------------------------------------------------------------------------------

section "GitHub: static gates"
lint() { "$TOOLS/bin/actionlint-v1.7.12" -shellcheck= -pyflakes= "$@"; }
audit() { "$TOOLS/zizmor-1.32.0/bin/zizmor" --offline --no-progress --quiet --config "$SCRATCH/zizmor.yml" "$@"; }
# The one thing zizmor may overlook: our own action is named by its version, a user replaces owner and pin.
cat >"$SCRATCH/zizmor.yml" <<'YAML'
rules:
  unpinned-uses:
    config:
      policies:
        "flowship/*": ref-pin
        "*": hash-pin
YAML
lint "$EXAMPLES"/*.yml || die "actionlint"
audit "$EXAMPLES"/*.yml || die "zizmor"
ok "actionlint and zizmor"
mkdir -p "$SCRATCH/twins"
sed 's/runs-on: ubuntu-latest/runs-on: ubuntu-latets/' "$EXAMPLES/check.yml" >"$SCRATCH/twins/label.yml"
sed 's/persist-credentials: false/fetch-depth: 1/' "$EXAMPLES/check.yml" >"$SCRATCH/twins/credentials.yml"
sed 's/@de0fac2e[0-9a-f]*/@v6/' "$EXAMPLES/check.yml" >"$SCRATCH/twins/pin.yml"
refused "actionlint: an unknown runner" 'label "ubuntu-latets" is unknown' lint "$SCRATCH/twins/label.yml"
refused "zizmor: credentials left in the checkout" artipacked audit "$SCRATCH/twins/credentials.yml"
refused "zizmor: an action that is not pinned" unpinned-uses audit "$SCRATCH/twins/pin.yml"

# The inputs that the examples use exist in action.yml (neither act nor the hosted runner would say so).
cat >"$SCRATCH/inputs.awk" <<'AWK'
/^inputs:/ { inside = 1; next }
/^[a-z]/ { inside = 0 }
inside && /^  [a-z-]+:/ { sub(/:.*/, ""); gsub(/ /, ""); print }
AWK
unknown_inputs() {
    awk -v pin="$PIN" '$0 ~ "uses: " pin { on = 1; next } /^ *- / { on = 0 } on && /^          [a-z-]+:/ { sub(/:.*/, ""); gsub(/ /, ""); print }' "$@" |
        sort -u | comm -23 - <(awk -f "$SCRATCH/inputs.awk" "$ACTION/action.yml" | sort -u)
}
knows_inputs() { ! unknown_inputs "$@" | grep .; }
knows_inputs "$EXAMPLES"/*.yml || die "action.yml has no input $(unknown_inputs "$EXAMPLES"/*.yml)"
sed 's/          package:/          packages:/' "$EXAMPLES/deploy.yml" >"$SCRATCH/twins/input.yml"
refused "an input that action.yml does not have" packages knows_inputs "$SCRATCH/twins/input.yml"
leak_gate

# --- the machinery -------------------------------------------------------------------------------------------------

# The action as a user gets it: what git holds (plus what is new here), and no target directory.
mkdir -p "$SCRATCH/action"
(cd "$ACTION" && git ls-files -zco --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null) | tar -x -C "$SCRATCH/action"
# No release lies here, and a build for each story takes minutes: this copy takes the program under test from PATH.
sed -i 's/^    default: auto$/    default: path/' "$SCRATCH/action/action.yml"
grep -q '^    default: path$' "$SCRATCH/action/action.yml" || die "the input install has no default"

# Stands for actions/upload-artifact: copies what it would upload to where the assertions find it.
mkdir -p "$SCRATCH/upload-artifact"
cat >"$SCRATCH/upload-artifact/action.yml" <<'YAML'
name: stand-in for actions/upload-artifact
description: copies the files
inputs:
  name: { description: name, required: true }
  path: { description: path, required: true }
  if-no-files-found: { description: what then, default: warn }
runs:
  using: composite
  steps:
    - run: mkdir -p "$UPLOADS/$NAME" && cp $FILES "$UPLOADS/$NAME/"
      shell: bash
      env: { NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}" }
YAML

# act_run NAME EVENT WORKFLOW KEYFILE [act options]: a run in a fresh user's repository. Sets RC and LOG (JSON lines).
act_run() {
    local name=$1 event=$2 workflow=$3 key=$4
    shift 4
    OUT=$SCRATCH/out/$name
    LOG=$OUT/log
    SHOW=$OUT/text # readable, unlike the JSON lines
    rm -rf "$OUT" "${SCRATCH:?}/home"
    mkdir -p "$OUT/uploads" "$SCRATCH/home"
    mkdir -p "$REPO/.github/workflows"
    cp "$EXAMPLES"/*.yml "$REPO/.github/workflows/"
    commit "$REPO"
    local secret=()
    [ -z "$key" ] || {
        if [ "${FORM:-json}" = json ]; then cat "$key"; else base64 -w0 <"$key"; fi >"$SCRATCH/act-secret"
        printf "CPI_SERVICE_KEY='%s'\n" "$(cat "$SCRATCH/act-secret")" >"$SCRATCH/act-secrets"
        secret=(--secret-file "$SCRATCH/act-secrets")
    }
    RC=0
    # --insecure-secrets: act must not hide a leak from the search.
    (cd "$REPO" && env -i PATH="$FIRST:$PATH" HOME="$SCRATCH/home" LC_ALL=C.UTF-8 "$ACT" "$event" \
        -W ".github/workflows/$workflow" -P ubuntu-latest=-self-hosted --no-cache-server --json --insecure-secrets \
        --action-cache-path "$SCRATCH/act-cache" --env "UPLOADS=$OUT/uploads" \
        --local-repository "$PIN=$SCRATCH/action" --local-repository "$UPLOAD=$SCRATCH/upload-artifact" \
        "${secret[@]}" "$@") >"$LOG" 2>&1 || RC=$?
    python3 "$HERE/examples-act-log.py" "$LOG" "$OUT"
}
UPLOAD=$(grep -ohE 'actions/upload-artifact@[0-9a-f]{40}' "$EXAMPLES/deploy.yml" | head -n 1)
# job NAME RESULT: success, failure, or none for a job that did not run.
job() { same "result of job $1" "$(cat "$OUT/jobs/$1" 2>/dev/null || echo none)" "$2"; }
fresh() { REPO="$SCRATCH/repository of ü" && consumer "$REPO"; }

# --- the stories ---------------------------------------------------------------------------------------------------

section "GitHub: the sandbox workflow, before any secret exists"
STORY=sandbox fresh
STORY=sandbox act_run sandbox workflow_dispatch sandbox.yml ""
STORY=sandbox
job sandbox success
same "exit status" "$RC" 0
has "$OUT/text" "SUCCESS; runtime STARTED DeployedOn"
has "$OUT/text" "SIMULATED"
has "$OUT/outputs" "verdict=started"
has "$OUT/outputs" "verdict=failed"
has "$OUT/summary.md" "SIMULATED"
has "$OUT/text" "No credentials for 'SANDBOX_ALIAS' found"
ok "green, and shows a failure on the way"

section "GitHub: the check of a pull request"
STORY=check
act_run check pull_request check.yml ""
job check success
same "exit status" "$RC" 0
has "$OUT/text" "valid: IntegrationFlow flowship.example.HelloTimer"
ok "green for a good artifact"
sed -i '$d' "$REPO/flows/hello-timer/src/main/resources/scenarioflows/integrationflow/Hello Timer.iflw"
act_run check-bad pull_request check.yml ""
job check failure
has "$OUT/annotations" "flows/hello-timer/src/main/resources/scenarioflows/integrationflow/Hello Timer.iflw"
ok "red for a bad one, with an annotation on its file"

section "GitHub: deploy, success"
STORY=success
fresh
tenant
act_run success push deploy.yml "$KEY_FILE"
job test success
job production success
same "exit status" "$RC" 0
has "$OUT/outputs" "verdict=started"
has "$OUT/outputs" "content-sha256=$DIGEST"
has "$OUT/outputs" "artifact-id=flowship.example.HelloTimer"
has "$OUT/outputs" "exit-code=0"
has "$OUT/summary.md" "flowship.example.HelloTimer"
deployments 2
parameter "Hello from production"
for stage in test production; do
    junit_valid "$OUT/uploads/flowship-$stage/flowship-junit.xml"
    has "$OUT/uploads/flowship-$stage/flowship-receipt.json" "$DIGEST"
    python3 -m json.tool "$OUT/uploads/flowship-$stage/flowship-receipt.json" >/dev/null || die "the receipt is no JSON"
done
tokens 2
no_leak "$OUT"
ok "both tenants, reports, outputs, summary, no secret"

leaky
act_run leaky push deploy.yml "$KEY_FILE"
leak_found

section "GitHub: deploy, the tenant says ERROR"
STORY=error
tenant --scenario start-error
FORM=base64 act_run error push deploy.yml "$KEY_FILE"
job test failure
job production none
has "$OUT/text" "No credentials for 'SANDBOX_ALIAS' found"
has "$OUT/outputs" "verdict=failed"
has "$OUT/outputs" "exit-code=1"
has "$OUT/summary.md" "SANDBOX_ALIAS"
has "$OUT/annotations" "SANDBOX_ALIAS"
junit_valid "$OUT/uploads/flowship-test/flowship-junit.xml"
has "$OUT/uploads/flowship-test/flowship-junit.xml" "<failure"
deployments 1
tokens 1
no_leak "$OUT"
ok "red, production untouched, the cause in log, summary, annotation and JUnit"

section "GitHub: deploy, bad credentials"
STORY=credentials
tenant
act_run credentials push deploy.yml "$WRONG_KEY_FILE"
job test failure
job production none
has "$OUT/outputs" "exit-code=4"
has "$OUT/annotations" "the token server refused the credentials"
deployments 0
tokens 0
no_leak "$OUT"
ok "red, nothing sent"

section "GitHub: deploy, no credentials"
STORY=none
act_run none push deploy.yml ""
job test failure
job production none
has "$OUT/outputs" "exit-code=2"
has "$OUT/annotations" "CPI_SERVICE_KEY"
ok "red, not a silent success"

section "GitHub: deploy, the deadline"
STORY=deadline
tenant --scenario never-appears
act_run deadline push deploy.yml "$KEY_FILE" --var FLOWSHIP_TIMEOUT=4s
job test failure
job production none
has "$OUT/outputs" "verdict=undecided"
has "$OUT/outputs" "exit-code=7"
junit_valid "$OUT/uploads/flowship-test/flowship-junit.xml"
deployments 1
tokens 1
no_leak "$OUT"
ok "undecided is red"

section "GitHub: deploy, wrong directory"
STORY=directory
tenant
git -C "$REPO" mv flows/hello-timer flows/moved
act_run directory push deploy.yml "$KEY_FILE"
job test failure
job production none
has "$OUT/annotations" "there is no such file or directory"
has "$OUT/outputs" "exit-code=3"
deployments 0
no_leak "$OUT"
ok "red, nothing sent"

section "GitHub: the sandbox workflow without a network"
fresh
STORY=offline
offline true || die "the namespace has a network"
printf '#!/bin/bash\nexec unshare -n bash -c '"'"'ip link set lo up; exec "$@"'"'"' -- "%s" "$@"\n' "$ACT" >"$SCRATCH/act-offline"
chmod +x "$SCRATCH/act-offline"
ACT=$SCRATCH/act-offline
act_run offline workflow_dispatch sandbox.yml ""
job sandbox success
has "$OUT/text" "SUCCESS; runtime STARTED DeployedOn"
ok "green with loopback only"

section "GitHub: done"
