#!/usr/bin/env bash
# Runs ci-examples/gitlab/ unchanged with gitlab-ci-local: real job graph, real scripts, real binary, a simulated tenant.
#
# What gitlab-ci-local is not: a GitLab. It runs no image here, masks nothing, enforces no resource_group and no
# protected environment, does not read JUnit or Code Quality, and does not check `options` of inputs.
# shellcheck source-path=SCRIPTDIR source=examples-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/examples-lib.sh"

section "GitLab: tools"
binary
apt_tool xmllint libxml2-utils
apt_tool rsync rsync
npm_tool gitlab-ci-local 4.73.0
python_tool check-jsonschema 0.39.0
GCL=$TOOLS/npm-gitlab-ci-local-4.73.0/node_modules/.bin/gitlab-ci-local
NODE=$(dirname "$(command -v node)")
ok "gitlab-ci-local $(PATH=$NODE:$PATH "$GCL" --version)"

EXAMPLES=$ROOT/ci-examples/gitlab

# --- without running -----------------------------------------------------------------------------------------------

section "GitLab: static gates"
schema() {
    "$TOOLS/check-jsonschema-0.39.0/bin/check-jsonschema" --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci "$1"
}
# The second document of a template is the pipeline, seen here with the defaults of its inputs; the inputs are checked below.
body() {
    python3 - "$1" <<'PY'
import re, sys
head, _, body = open(sys.argv[1]).read().partition("\n---\n")
defaults = dict(re.findall(r"^    ([a-z-]+):\n(?:      (?!default)[^\n]*\n)*      default: ([^\n]*)", head, re.M))
print(re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda m: defaults.get(m[1], "x").strip('"') or "x", body))
PY
}
schema "$EXAMPLES/.gitlab-ci.yml" >"$SCRATCH/schema.log" || { cat "$SCRATCH/schema.log"; die ".gitlab-ci.yml"; }
body "$EXAMPLES/template.yml" >"$SCRATCH/template-body.yml"
[ -s "$SCRATCH/template-body.yml" ] || die "template.yml has no second document"
schema "$SCRATCH/template-body.yml" >"$SCRATCH/schema.log" || { cat "$SCRATCH/schema.log"; die "template.yml"; }
ok "both fit GitLab's schema"
sed 's/  artifacts:/  artefacts:/' "$EXAMPLES/.gitlab-ci.yml" >"$SCRATCH/twin1.yml"
sed 's/      dotenv:/      dotenvv:/' "$SCRATCH/template-body.yml" >"$SCRATCH/twin2.yml"
refused "schema: artefacts" artefacts schema "$SCRATCH/twin1.yml"
refused "schema: dotenvv" dotenvv schema "$SCRATCH/twin2.yml"

# Every input is declared with description and type, used, and none is a secret; every used one is declared.
template_inputs() {
    python3 - "$1" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
head, _, body = text.partition("\n---\n")
declared = re.findall(r"^    ([a-z-]+):\n((?:      .*\n?)*)", head, re.M)
names = {name for name, _ in declared}
used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", body))
bad = [f"{name} has no {key}" for name, rest in declared for key in ("description", "type") if f"      {key}: " not in rest]
bad += [f"{name} is never used" for name in names - used] + [f"{name} is not declared" for name in used - names]
bad += [f"{name} looks like a secret" for name in names if re.search("key|secret|password|token", name)]
bad += ["inputs in the head"] if "$[[" in head else []
sys.exit("\n".join(bad) if bad or not names else 0)
PY
}
template_inputs "$EXAMPLES/template.yml" || die "template.yml"
sed 's/inputs.package \]\]/inputs.pakage ]]/' "$EXAMPLES/template.yml" >"$SCRATCH/twin3.yml"
sed '0,/      description/{/      description/d}' "$EXAMPLES/template.yml" >"$SCRATCH/twin4.yml"
refused "template: an input that is not declared" "pakage is not declared" template_inputs "$SCRATCH/twin3.yml"
refused "template: an input without description" "has no description" template_inputs "$SCRATCH/twin4.yml"
junit_gate
leak_gate

# --- the machinery -------------------------------------------------------------------------------------------------

# gcl NAME KEYFILE [gitlab-ci-local options]: one run in $REPO. Sets RC and OUT. FORM=base64|json: how the key is given.
gcl() {
    local name=$1 key=$2
    shift 2
    OUT=$SCRATCH/out/$name
    LOG=$OUT/log
    rm -rf "$OUT" "${SCRATCH:?}/home" "$REPO/.gitlab-ci-local"
    mkdir -p "$OUT" "$SCRATCH/home"
    {
        # gitlab-ci-local sets GITLAB_CI to false; a real runner sets true.
        echo 'GITLAB_CI: "true"'
        case $key in
        "") ;;
        # A variable of type file: the job gets the path of a file with the content.
        *) if [ "${FORM:-file}" = file ]; then
            printf 'CPI_SERVICE_KEY:\n  type: file\n  values:\n    "*": |\n      %s\n' "$(cat "$key")"
        else
            printf 'CPI_SERVICE_KEY: "%s"\n' "$(base64 -w0 <"$key")"
        fi ;;
        esac
    } >"$REPO/.gitlab-ci-local-variables.yml"
    RC=0
    (cd "$REPO" && env -i PATH="$FIRST:$NODE:$PATH" HOME="$SCRATCH/home" LC_ALL=C.UTF-8 "${WRAP[@]}" "$GCL" \
        --force-shell-executor --shell-isolation --ignore-predefined-vars GITLAB_CI --no-color "$@") >"$LOG" 2>&1 || RC=$?
    # What the jobs left: artifacts, reports, their own logs. The variables file is ours and holds the key.
    cp -r "$REPO/.gitlab-ci-local" "$OUT/left"
    rm -rf "$OUT/left/builds/.docker"
    find "$OUT/left" -name .gitlab-ci-local-variables.yml -delete
    find "$OUT/left" -path '*file-variables*' -type f -delete
}
WRAP=()
fresh() {
    REPO="$SCRATCH/repository of ü"
    consumer "$REPO"
    printf '.gitlab-ci-local*\n' >"$REPO/.gitignore"
}
# job NAME RESULT: pass or fail, by the summary at the end of the log; none when it did not run.
job() {
    local got
    got=$(grep -oE "^ *(PASS|FAIL|WARN) +$1( |\$)" "$LOG" | awk '{print tolower($1)}' | tail -n 1 || true)
    same "result of job $1" "${got:-none}" "$2"
}

# --- the stories ---------------------------------------------------------------------------------------------------

example() { fresh; cp "$EXAMPLES/.gitlab-ci.yml" "$REPO/"; commit "$REPO"; }
# left FILE [JOB]: a file that a job left, wherever gitlab-ci-local keeps it.
left() { find "$OUT/left" -name "$1" -path "*/${2:-}*" -type f | sort | head -n 1; }

section "GitLab: before any secret exists"
STORY=none
example
gcl none ""
job check pass
job sandbox pass
job deploy-test fail
job deploy-production none
has "$LOG" "SIMULATED"
has "$LOG" "SUCCESS; runtime STARTED DeployedOn"
has "$LOG" "valid: IntegrationFlow flowship.example.HelloTimer"
has "$LOG" "CPI_SERVICE_KEY"
ok "the sandbox job works, the deployment is red, not a silent success"

section "GitLab: success"
STORY=success
tenant
gcl success "$KEY_FILE"
same "exit status" "$RC" 0
job check pass
job sandbox pass
job deploy-test pass
job deploy-production none
# gitlab-ci-local reads the section markers, and says so: an independent reader understood both ends.
grep -qE '^deploy-test +flowship took [0-9]+ ?m?s' "$LOG" || die "no section in the log"
parameter "Hello from the test tenant"
deployments 1
has "$(left flowship-receipt.json)" "$DIGEST"
dotenv=$(left flowship.env)
has "$dotenv" "FLOWSHIP_VERDICT=started"
has "$dotenv" "FLOWSHIP_EXIT_CODE=0"
has "$dotenv" "FLOWSHIP_ARTIFACT_ID=flowship.example.HelloTimer"
has "$dotenv" "FLOWSHIP_CONTENT_SHA256=$DIGEST"
same "lines of the dotenv report that are no KEY=VALUE" "$(grep -cvE '^[A-Z0-9_]+=[^\n]*$' "$dotenv" || true)" 0
junit_valid "$(left flowship-junit.xml check)"
junit_valid "$(left flowship-junit.xml deploy-test)"
for phase in check upload configure deploy start; do
    has "$(left flowship-junit.xml deploy-test)" "classname=\"flowship.example.HelloTimer\" name=\"$phase\""
done
has "$(left flowship-junit.xml check)" 'classname="flowship.example.HelloTimer" name="check"'
for name in check deploy-test; do
    same "findings" "$(python3 -m json.tool --compact "$(left flowship-codequality.json "$name")")" "[]"
done
tokens 1
no_leak "$OUT"
ok "the test tenant has it, the gate before production stands, reports are there"

leaky
gcl leaky "$KEY_FILE" deploy-test
leak_found

section "GitLab: production, by a person's click, the key as masked base64"
STORY=production
tenant
FORM=base64 gcl production "$KEY_FILE" deploy-production
same "exit status" "$RC" 0
job deploy-production pass
job deploy-test none
parameter "Hello from production"
deployments 1
tokens 1
# The variables as the tool keeps them are not part of what a GitLab shows.
no_leak "$OUT"
ok "production has it"

section "GitLab: the check finds a bad artifact"
STORY=check
sed -i '$d' "$REPO/flows/hello-timer/src/main/resources/scenarioflows/integrationflow/Hello Timer.iflw"
commit "$REPO"
gcl check "" check
job check fail
quality=$(left flowship-codequality.json)
has "$quality" "flows/hello-timer/src/main/resources/scenarioflows/integrationflow/Hello Timer.iflw"
python3 - "$quality" <<'PY' || die "not a Code Quality report"
import json, sys
findings = json.load(open(sys.argv[1]))
assert findings and len({one["fingerprint"] for one in findings}) == len(findings)
for one in findings:
    assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(one), one
    assert one["severity"] in ("info", "minor", "major", "critical", "blocker"), one
    assert not one["location"]["path"].startswith(("/", "./")) and one["location"]["lines"]["begin"] >= 1, one
PY
junit_valid "$(left flowship-junit.xml)"
ok "red, with a finding on its file and line"

# red NAME KEYFILE EXITCODE [option]: the pipeline is red for this reason, and production is not touched.
red() {
    gcl "$1" "$2" "${@:4}"
    [ "$RC" -ne 0 ] || die "$STORY: the pipeline is green"
    job deploy-test fail
    job deploy-production none
    grep -qE "^deploy-test +finished in .* FAIL $3 *$" "$LOG" || die "$STORY: the exit code is not $3"
    no_leak "$OUT"
}

section "GitLab: the tenant says ERROR"
STORY=error
example
tenant --scenario start-error
red error "$KEY_FILE" 1
has "$LOG" "No credentials for 'SANDBOX_ALIAS' found"
has "$(left flowship.env)" "FLOWSHIP_VERDICT=failed"
junit_valid "$(left flowship-junit.xml deploy-test)"
has "$(left flowship-junit.xml deploy-test)" "<failure"
deployments 1
tokens 1
ok "red, production untouched, the cause in log and JUnit"

section "GitLab: bad credentials"
STORY=credentials
tenant
red credentials "$WRONG_KEY_FILE" 4
deployments 0
tokens 0
ok "red, nothing sent"

section "GitLab: the deadline"
STORY=deadline
tenant --scenario never-appears
red deadline "$KEY_FILE" 7 --variable FLOWSHIP_TIMEOUT=4s
has "$(left flowship.env)" "FLOWSHIP_VERDICT=undecided"
has "$(left flowship.env)" "FLOWSHIP_EXIT_CODE=7"
deployments 1
tokens 1
ok "undecided is red"

section "GitLab: wrong directory"
STORY=directory
tenant
git -C "$REPO" mv flows/hello-timer flows/moved
commit "$REPO"
gcl directory "$KEY_FILE"
[ "$RC" -ne 0 ] || die "the pipeline is green"
job check fail
job deploy-test none
has "$LOG" "there is no such file or directory"
gcl directory-deploy "$KEY_FILE" deploy-test
job deploy-test fail
grep -qE "^deploy-test +finished in .* FAIL 3 *$" "$LOG" || die "the exit code is not 3"
deployments 0
no_leak "$OUT"
ok "red, nothing sent"

# --- the template --------------------------------------------------------------------------------------------------

# What the README tells a user to write.
template() {
    fresh
    mkdir -p "$REPO/ci"
    cp "$EXAMPLES/template.yml" "$REPO/ci/flowship.yml"
    awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on && /include:/ { found = 1 } on { print }' "$ROOT/ci-examples/README.md" >"$REPO/.gitlab-ci.yml"
    has "$REPO/.gitlab-ci.yml" "ci/flowship.yml"
    commit "$REPO"
}
section "GitLab: the template, as the README includes it"
STORY=template
template
tenant
gcl template "$KEY_FILE"
same "exit status" "$RC" 0
job deploy-test pass
job deploy-production none
parameter "Hello from the test tenant"
has "$(left flowship-receipt.json)" "$DIGEST"
has "$(left flowship.env)" "FLOWSHIP_VERDICT=started"
no_leak "$OUT"
gcl template-production "$KEY_FILE" deploy-production
job deploy-production pass
parameter "Hello from production"
deployments 2
no_leak "$OUT"
(cd "$REPO" && env -i PATH="$NODE:$PATH" HOME="$SCRATCH/home" "$GCL" --force-shell-executor --no-color --preview) >"$SCRATCH/preview.yml" 2>/dev/null
has "$SCRATCH/preview.yml" "resource_group: cpi-test"
has "$SCRATCH/preview.yml" "when: manual"
sed '/package:/d' "$REPO/.gitlab-ci.yml" >"$SCRATCH/twin5.yml" && cp "$SCRATCH/twin5.yml" "$REPO/.gitlab-ci.yml"
commit "$REPO"
gcl template-twin "" || true
[ "$RC" -ne 0 ] || die "a missing input was accepted"
ok "test, gate and production; a missing input is refused"

section "GitLab: the template, the tenant says ERROR"
STORY=template-error
template
tenant --scenario start-error
red template-error "$KEY_FILE" 1
ok "red"

section "GitLab: without a network"
STORY=offline
example
offline true || die "the namespace has a network"
# shellcheck disable=SC2016
WRAP=(unshare -n bash -c 'ip link set lo up; exec "$@"' --)
gcl offline "" check sandbox
same "exit status" "$RC" 0
job sandbox pass
has "$LOG" "SUCCESS; runtime STARTED DeployedOn"
ok "green with loopback only"

section "GitLab: done"
