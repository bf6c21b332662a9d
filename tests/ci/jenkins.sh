#!/usr/bin/env bash
# Runs ci-examples/jenkins/Jenkinsfile unchanged, on a stand-in for Jenkins.
#
# This is not Jenkins: none can be had without its update centre. jenkins-standin.groovy enforces the structure of a
# declarative pipeline with Jenkins' Groovy version and really runs the shell part. What only Jenkins could show: its
# script sandbox and CPS, its own masking, agents, real locks, how the reports look in its pages.
# shellcheck source-path=SCRIPTDIR source=examples-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/examples-lib.sh"

section "Jenkins stand-in: tools"
binary
command -v java >/dev/null || die "java is missing"
download groovy-all-2.4.21.jar \
    https://repo1.maven.org/maven2/org/codehaus/groovy/groovy-all/2.4.21/groovy-all-2.4.21.jar \
    de65260cf2070442e99882f2f3d72e7531725c1e6a257446cc0cea525c607bd0
ok "groovy 2.4.21"
EXAMPLE=$ROOT/ci-examples/jenkins/Jenkinsfile
WRAP=()

# groovy FILE WORKSPACE SETTINGS
groovy() {
    "${WRAP[@]}" java -XX:TieredStopAtLevel=1 --add-opens java.base/java.lang=ALL-UNNAMED --add-opens java.base/java.util=ALL-UNNAMED \
        --add-opens java.base/java.io=ALL-UNNAMED -Dgroovy.use.classvalue=true -cp "$TOOLS/groovy-all-2.4.21.jar" \
        groovy.ui.GroovyMain "$HERE/jenkins-standin.groovy" "$@" 2> >(grep -vE '^WARNING: ' >&2)
}
# settings KEYFILE [NAME=VALUE as parameter]: what an administrator and the person at the gate would do.
settings() {
    local key=$1
    mkdir -p "$SCRATCH/archive"
    SETTINGS=$SCRATCH/settings.json
    KEY_FILE_=$key PARAMETER=${2:-} APPROVE=${APPROVE:-true} BRANCH=${BRANCH:-main} ARCHIVE=$SCRATCH/archive PATH_=$FIRST:$PATH python3 - >"$SETTINGS" <<'PY'
import json, os
key, parameter = os.environ["KEY_FILE_"], os.environ["PARAMETER"]
environment = {"PATH": os.environ["PATH_"], "HOME": "/nonexistent", "JENKINS_URL": "https://jenkins.example.org/",
               "BUILD_NUMBER": "7", "JOB_NAME": "flows", "BUILD_URL": "https://jenkins.example.org/job/flows/7/",
               "GIT_COMMIT": "0123456789abcdef0123456789abcdef01234567", "LC_ALL": "C.UTF-8"}
if os.environ["BRANCH"] != "none":
    environment["BRANCH_NAME"] = os.environ["BRANCH"]
print(json.dumps({
    "credentials": {} if not key else {"cpi-test-key": {"type": "file", "path": key}, "cpi-production-key": {"type": "string", "path": key}},
    "parameters": dict([parameter.split("=", 1)] if parameter else []),
    "approve": os.environ["APPROVE"] == "true", "archive": os.environ["ARCHIVE"], "environment": environment}))
PY
}
# jenkins NAME KEYFILE [PARAMETER]: a build in $REPO. Sets RC and LOG.
jenkins() {
    OUT=$SCRATCH/out/$1
    rm -rf "$OUT" "${SCRATCH:?}/archive"
    mkdir -p "$OUT"
    LOG=$OUT/log
    settings "$2" "${3:-}"
    RC=0
    groovy "${FILE:-$EXAMPLE}" "$REPO" "$SETTINGS" >"$LOG" 2>&1 || RC=$?
    cp -r "$SCRATCH/archive" "$OUT/archive"
    find "$REPO" -maxdepth 1 -type f -exec cp {} "$OUT/" \;
}
# build RESULT; stage NAME RESULT (skipped, or a result)
build() {
    has "$LOG" "Finished: $1"
    same "exit status" "$RC" "$([ "$1" = SUCCESS ] && echo 0 || echo 1)"
}
stage() { grep -q "^\[standin\] stage $1: $2" "$LOG" || die "$STORY: stage $1 is not $2"; }
fresh() { REPO="$SCRATCH/repository of ü" && consumer "$REPO" && commit "$REPO"; }

# --- the stand-in refuses what is wrong ----------------------------------------------------------------------------

section "Jenkins stand-in: broken twins"
junit_gate
leak_gate
STORY=twins fresh
settings ""
twin() { # WHAT WHY SED
    sed "$3" "$EXAMPLE" >"$SCRATCH/twin"
    ! cmp -s "$SCRATCH/twin" "$EXAMPLE" || die "the twin «$1» is no twin"
    refused "$1" "$2" groovy "$SCRATCH/twin" "$REPO" "$SETTINGS"
}
# shellcheck disable=SC2016 # the quoted texts are messages and sed
twins() {
    twin "a misspelt block" '`stepz`' '0,/steps {/s//stepz {/'
    twin "a misspelt condition of post" '`allways`' 's/always {/allways {/'
    twin "no agent" 'no agent' '/agent any/d'
    twin "a misspelt step" '`junitt`' 's/junit allow/junitt allow/'
    twin "a misspelt option" '`timeot`' '0,/timeout(/s//timeot(/'
    twin "an option of pipelines in a stage" 'belongs to the pipeline' "s/timeout(time: 1, unit: 'HOURS')/disableConcurrentBuilds()/"
    twin "an unknown unit" 'FORTNIGHTS' "s/'DAYS'/'FORTNIGHTS'/"
    twin "a binding with a missing name" 'withCredentials' "s/, variable: 'CPI_SERVICE_KEY'//"
    twin "a secret in a double-quoted script" 'single quotes' "s|sh '\"\${FLOWSHIP:-flowship}\" check \"\$ARTIFACT\"'|sh \"flowship check \${env.ARTIFACT}\"|"
    twin "a syntax error" 'Jenkinsfile' '$d'
}
twins

# --- the stories ---------------------------------------------------------------------------------------------------

section "Jenkins stand-in: success"
STORY=success
fresh
tenant
jenkins success "$KEY_FILE"
build SUCCESS
for name in Check Sandbox Test Production; do stage "$name" SUCCESS; done
has "$LOG" "SIMULATED"
has "$LOG" "SUCCESS; runtime STARTED DeployedOn"
has "$LOG" "valid: IntegrationFlow flowship.example.HelloTimer"
deployments 2
parameter "Hello from production"
for name in test production; do
    junit_valid "$OUT/archive/flowship-$name.xml"
    has "$OUT/archive/flowship-$name.json" "$DIGEST"
    has "$OUT/archive/flowship-$name.json" "https://jenkins.example.org/job/flows/7/"
done
for phase in check upload configure deploy start; do has "$LOG" "flowship.example.HelloTimer.$phase"; done
hasnt "$LOG" "::error"
hasnt "$LOG" "section_start"
tokens 2
no_leak "$OUT"
ok "both tenants, reports archived, no secret"

# Only the stage that has the key is left, since the others would stop the build.
leaky
sed "/stage('Check')/,/stage('Test')/{/stage('Test')/!d}" "$EXAMPLE" >"$SCRATCH/Jenkinsfile.leaky"
FILE=$SCRATCH/Jenkinsfile.leaky jenkins leaky "$KEY_FILE"
leak_found

section "Jenkins stand-in: the person says no"
STORY=gate
fresh
tenant
APPROVE=false jenkins gate "$KEY_FILE"
build ABORTED
stage Test SUCCESS
stage Production ABORTED
deployments 1
parameter "Hello from the test tenant"
ok "production untouched"

section "Jenkins stand-in: another branch, and a job without branches"
STORY=branch
BRANCH=feature jenkins branch "$KEY_FILE"
build SUCCESS
stage Check SUCCESS
stage Test "skipped due to when"
stage Production "skipped due to when"
hasnt "$LOG" "input:"
deployments 1
BRANCH=none APPROVE=false jenkins nobranch "$KEY_FILE"
stage Test SUCCESS
ok "a branch only checks, a plain job deploys"

section "Jenkins stand-in: before any secret exists"
STORY=none
jenkins none ""
build FAILURE
stage Sandbox SUCCESS
stage Test FAILURE
stage Production "skipped due to earlier failure"
has "$LOG" "Could not find credentials entry with ID 'cpi-test-key'"
ok "the sandbox works, the deployment is red"

section "Jenkins stand-in: the tenant says ERROR"
STORY=error
fresh
tenant --scenario start-error
jenkins error "$KEY_FILE"
build FAILURE
stage Test FAILURE
stage Production "skipped due to earlier failure"
has "$LOG" "No credentials for 'SANDBOX_ALIAS' found"
has "$LOG" "script returned exit code 1"
junit_valid "$OUT/archive/flowship-test.xml"
has "$OUT/archive/flowship-test.xml" "<failure"
has "$OUT/archive/flowship-test.xml" "SANDBOX_ALIAS"
deployments 1
tokens 1
no_leak "$OUT"
ok "red, the cause in log and JUnit"

section "Jenkins stand-in: bad credentials"
STORY=credentials
fresh
tenant
jenkins credentials "$WRONG_KEY_FILE"
build FAILURE
stage Test FAILURE
stage Production "skipped due to earlier failure"
has "$LOG" "script returned exit code 4"
deployments 0
tokens 0
no_leak "$OUT"
ok "red, nothing sent"

section "Jenkins stand-in: the deadline"
STORY=deadline
fresh
tenant --scenario never-appears
jenkins deadline "$KEY_FILE" FLOWSHIP_TIMEOUT=4s
build FAILURE
stage Test FAILURE
stage Production "skipped due to earlier failure"
has "$LOG" "script returned exit code 7"
has "$LOG" "undecided flowship.example.HelloTimer"
junit_valid "$OUT/archive/flowship-test.xml"
deployments 1
tokens 1
no_leak "$OUT"
ok "undecided is red"

section "Jenkins stand-in: wrong directory"
STORY=directory
fresh
tenant
git -C "$REPO" mv flows/hello-timer flows/moved
jenkins directory "$KEY_FILE"
build FAILURE
stage Check FAILURE
stage Test "skipped due to earlier failure"
has "$LOG" "there is no such file or directory"
has "$LOG" "script returned exit code 3"
deployments 0
no_leak "$OUT"
ok "red, nothing sent"

section "Jenkins stand-in: with the lock, without a network"
STORY=offline
fresh
sed 's|// \(lock(resource\)|\1|' "$EXAMPLE" >"$SCRATCH/Jenkinsfile.lock"
offline true || die "the namespace has a network"
tenant_stop
FILE=$SCRATCH/Jenkinsfile.lock
# shellcheck disable=SC2016
WRAP=(unshare -n bash -c 'ip link set lo up; exec "$@"' --)
BRANCH=feature jenkins offline ""
build SUCCESS
stage Sandbox SUCCESS
has "$LOG" "locked cpi-test for stage 'Test'"
has "$LOG" "SUCCESS; runtime STARTED DeployedOn"
ok "green with loopback only"

section "Jenkins stand-in: done"
