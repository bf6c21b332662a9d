#!/usr/bin/env bash
# Runs ci-examples/gitlab/ unchanged with gitlab-ci-local: real job graph, real scripts, real binary, a simulated tenant.
#
# What gitlab-ci-local is not: a GitLab. It runs no image here, masks nothing, enforces no resource_group and no
# protected environment, does not read JUnit or Code Quality, and does not check `options` of inputs.
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
    rm -rf "$OUT" "$SCRATCH/home" "$REPO/.gitlab-ci-local"
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
    (cd "$REPO" && env -i PATH="$SCRATCH/path:$NODE:$PATH" HOME="$SCRATCH/home" LC_ALL=C.UTF-8 "${WRAP[@]}" "$GCL" \
        --force-shell-executor --shell-isolation --ignore-predefined-vars GITLAB_CI --no-color "$@") >"$LOG" 2>&1 || RC=$?
    # What the jobs left: artifacts, reports, their own logs. The variables file is ours and holds the key.
    cp -r "$REPO/.gitlab-ci-local" "$OUT/left"
    rm -rf "$OUT/left/builds/.docker"
    find "$OUT/left" -name .gitlab-ci-local-variables.yml -delete
    find "$OUT/left" -path '*file-variables*' -type f -delete
}
WRAP=()
fresh() {
    REPO=$SCRATCH/repo
    consumer "$REPO"
    printf '.gitlab-ci-local*\n' >"$REPO/.gitignore"
}
# job NAME RESULT: pass or fail, by the summary at the end of the log; none when it did not run.
job() {
    local got
    got=$(grep -oE "^ *(PASS|FAIL|WARN) +$1( |\$)" "$LOG" | awk '{print tolower($1)}' | tail -n 1)
    same "result of job $1" "${got:-none}" "$2"
}
# report FILE: the report file of the last run.
report() { find "$OUT/left" "$REPO" -name "$1" -path "*${2:-}*" -type f | head -n 1; }

# --- the stories ---------------------------------------------------------------------------------------------------

example() { fresh; cp "$EXAMPLES/.gitlab-ci.yml" "$REPO/"; commit "$REPO"; }
