#!/usr/bin/env bash
# Static gates of the action, its script and the workflows. Each gate has to refuse a broken twin too: a gate that takes
# everything proves nothing. Installs the pinned tools under $FLOWSHIP_CI_TOOLS (default ~/.cache/flowship-ci).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tools=${FLOWSHIP_CI_TOOLS:-$HOME/.cache/flowship-ci}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

section() { printf '\n== %s\n' "$1"; }
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}
# refused WHAT WORD COMMAND...: the command has to fail, and to say this word.
refused() {
  local what=$1 word=$2
  shift 2
  ! "$@" >"$scratch/refused" 2>&1 || fail "$what was accepted"
  grep -qF -- "$word" "$scratch/refused" || {
    cat "$scratch/refused" >&2
    fail "$what was refused, but not for: $word"
  }
  printf '  refused: %s\n' "$what"
}
go_tool() { # NAME MODULE VERSION
  [ ! -x "$tools/bin/$1-$3" ] || return 0
  GOBIN=$scratch/go go install "$2@$3"
  mkdir -p "$tools/bin"
  mv "$scratch/go/$1" "$tools/bin/$1-$3"
}
python_tool() { # NAME VERSION
  [ ! -x "$tools/$1-$2/bin/$1" ] || return 0
  python3 -m venv "$tools/$1-$2"
  "$tools/$1-$2/bin/pip" install -q "$1==$2"
}

section 'Tools'
command -v shellcheck >/dev/null || apt-get install -y -qq shellcheck >/dev/null 2>&1 || true
command -v shellcheck >/dev/null || fail 'shellcheck is missing: apt-get install shellcheck, or brew install shellcheck'
go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint v1.7.12
python_tool zizmor 1.32.0
python_tool check-jsonschema 0.39.0
actionlint=$tools/bin/actionlint-v1.7.12
printf '  shellcheck %s, actionlint %s, %s, %s\n' "$(shellcheck --version | sed -n 's/^version: //p')" \
  "$("$actionlint" --version | head -n 1)" "$("$tools/zizmor-1.32.0/bin/zizmor" --version)" \
  "$("$tools/check-jsonschema-0.39.0/bin/check-jsonschema" --version)"
zizmor() { "$tools/zizmor-1.32.0/bin/zizmor" --offline --no-progress --quiet "$@"; }
schema() { "$tools/check-jsonschema-0.39.0/bin/check-jsonschema" --builtin-schema "$@"; }

# A copy to break: the action with its workflows.
twin() {
  rm -rf "$scratch/twin"
  mkdir -p "$scratch/twin"
  cp -R action.yml .github "$scratch/twin/"
  git -C "$scratch/twin" init -q
}
# broken FILE SED: a fresh copy with one fault, and the fault has to be in it.
broken() {
  twin
  sed "$2" "$1" >"$scratch/twin/$1"
  ! cmp -s "$1" "$scratch/twin/$1" || fail "the twin of $1 is not broken: $2"
}
in_twin() { (cd "$scratch/twin" && "$@"); }

section 'actionlint: workflows, and the inputs that they give to the action'
"$actionlint"
broken .github/workflows/ci.yml 's/package: FlowshipExamples/packages: FlowshipExamples/'
refused 'an input that the action does not have' 'input "packages" is not defined' in_twin "$actionlint"
broken .github/workflows/ci.yml 's/steps.started.outputs.verdict/steps.started.outputs.verdikt/'
refused 'an output that the action does not have' 'property "verdikt" is not defined' in_twin "$actionlint"
broken .github/workflows/release.yml 's/runner: macos-15,/runner: macos-51,/'
refused 'a runner that does not exist' 'label "macos-51" is unknown' in_twin "$actionlint"

section 'check-jsonschema: action.yml and workflows, each job with a timeout'
schema vendor.github-actions action.yml
schema vendor.github-workflows .github/workflows/*.yml
schema custom.github-workflows-require-timeout .github/workflows/*.yml
broken action.yml 's/using: composite/using: composit/'
refused 'an action of no known kind' composit schema vendor.github-actions "$scratch/twin/action.yml"
broken .github/workflows/ci.yml 's/runs-on: ubuntu-24.04/run-on: ubuntu-24.04/'
refused 'a job without runs-on' run-on schema vendor.github-workflows "$scratch/twin/.github/workflows/ci.yml"
broken .github/workflows/ci.yml '/timeout-minutes/d'
refused 'a job without a timeout' timeout-minutes schema custom.github-workflows-require-timeout "$scratch/twin/.github/workflows/ci.yml"

section 'zizmor: the action and the workflows'
zizmor action.yml .github
broken .github/workflows/ci.yml 's/@de0fac2e[0-9a-f]*/@v6/'
refused 'an action that is not pinned' unpinned-uses zizmor "$scratch/twin/.github"
broken .github/workflows/release.yml 's/persist-credentials: false/fetch-depth: 1/'
refused 'a token in the checkout' artipacked zizmor "$scratch/twin/.github"
broken .github/workflows/ci.yml 's/^permissions: {}/permissions: write-all/;/^    permissions:$/d;/^      contents: read/d'
refused 'too many permissions' excessive-permissions zizmor "$scratch/twin/.github"
# shellcheck disable=SC2016 # ${{ is meant
broken action.yml 's/run: exec bash -p /run: echo "${{ inputs.path }}" #/'
refused 'an input inside a script' template-injection zizmor "$scratch/twin/action.yml"

section 'shellcheck: the scripts'
shellcheck .github/action/*.sh .github/release/*.sh tests/ci/static.sh tests/ci/musl.sh tests/ci/install.sh tests/ci/act-action.sh
# shellcheck disable=SC2016 # the text of the twin
broken .github/action/flowship.sh 's/exec "$flowship" "${arguments\[@\]}"/exec $flowship ${arguments[@]}/'
refused 'arguments without quotes' SC2068 shellcheck "$scratch/twin/.github/action/flowship.sh"

section 'action.yml and its script agree'
# Each input is handed over, each variable that is handed over is read, and the script reads no other.
agree() {
  python3 - "$1" <<'PYTHON'
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
action = (root / "action.yml").read_text()
script = (root / ".github/action/flowship.sh").read_text()
inputs, rest = action.split("\ninputs:\n")[1].split("\noutputs:\n")
outputs, runs = rest.split("\nruns:\n")
declared = {name.upper().replace("-", "_") for name in re.findall(r"(?m)^  ([a-z-]+):$", inputs)}
given = {name: source for name, source in re.findall(r"(?m)^ +INPUT_([A-Z_]+): \$\{\{ (\S+) \}\}$", runs)}
read = set(re.findall(r"\$\{?INPUT_([A-Z_]+)", script)) | set(re.findall(r"unset INPUT_([A-Z_]+)", script))
# lists of inputs that are handed over by their names
lists = re.findall(r"(?m)\b(?:COMMON|CONTENT|options)=['\"]([^'\"]*)['\"]", script)
read |= {re.sub("=.*", "", name) for names in lists for name in names.split() if re.match("[A-Z]", name)}
wrong = [f"the input {name} is not handed over" for name in declared - set(given)]
for name, source in given.items():
    if name != "ACTION_REPOSITORY" and source != "inputs." + name.lower().replace("_", "-"):
        wrong.append(f"INPUT_{name} is {source}")
wrong += [f"INPUT_{name} is given, but never read" for name in set(given) - read]
wrong += [f"INPUT_{name} is read, but never given" for name in read - set(given)]
for name, source in re.findall(r"(?m)^  ([a-z0-9-]+):\n(?:    .*\n)*?    value: \$\{\{ (\S+) \}\}$", outputs):
    if source != f"steps.flowship.outputs.{name}":
        wrong.append(f"the output {name} is {source}")
if "${{" in script or re.search(r"(?m)^ +run:.*\$\{\{", runs):
    wrong.append("an expression stands inside a script")
if len(re.findall(r"(?m)^      description:|^    description:", inputs)) != len(declared):
    wrong.append("an input has no description")
print("\n".join(wrong))
sys.exit(bool(wrong))
PYTHON
}
agree .
broken action.yml 's/INPUT_SETTLE: .*/INPUT_SETLE: ""/'
refused 'an input that is not handed over' 'the input SETTLE is not handed over' agree "$scratch/twin"
broken action.yml 's/inputs.package-name }}/inputs.package }}/'
refused 'an input in the place of another' 'INPUT_PACKAGE_NAME is inputs.package' agree "$scratch/twin"
broken action.yml 's/steps.flowship.outputs.zip-sha256/steps.flowship.outputs.content-sha256/'
refused 'an output in the place of another' 'the output zip-sha256 is' agree "$scratch/twin"

section 'bash 3.2'
# macOS has bash 3.2: what came later may not be in the script of the action.
old() { ! grep -nE '(declare|local) -[a-zA-Z]*[An]|mapfile|readarray|\$\{[a-zA-Z_]+(,|\^|@[A-Z])|\|&|&>>|coproc|;;&|EPOCH|printf -v .*\[' "$1"; }
old .github/action/flowship.sh
# shellcheck disable=SC2016 # the text of the twin
broken .github/action/flowship.sh 's/^main$/declare -A newer; echo "${newer[@]}"; main/'
refused 'an associative array' 'declare -A' old "$scratch/twin/.github/action/flowship.sh"

section 'a release has every program, and the list of what each is made of'
complete() {
  local target end
  rm -rf "$scratch/dist"
  mkdir "$scratch/dist"
  for target in {x86_64,aarch64}-unknown-linux-musl {x86_64,aarch64}-apple-darwin x86_64-pc-windows-msvc; do
    end=tar.gz
    [ "$target" != x86_64-pc-windows-msvc ] || end=zip
    : >"$scratch/dist/flowship-v0.0.0-$target.$end"
    : >"$scratch/dist/flowship-v0.0.0-$target.cdx.json"
  done
}
complete
.github/release/checksums.sh "$scratch/dist" >/dev/null
[ "$(wc -l <"$scratch/dist/SHA256SUMS")" -eq 10 ] || fail 'SHA256SUMS does not list ten files'
complete
rm "$scratch/dist/flowship-v0.0.0-aarch64-apple-darwin.tar.gz"
refused 'a release without a program' 'no asset for aarch64-apple-darwin' .github/release/checksums.sh "$scratch/dist"
complete
rm "$scratch/dist/flowship-v0.0.0-aarch64-apple-darwin.cdx.json"
refused 'a release without an SBOM' 'no list of the parts (SBOM) for aarch64-apple-darwin' .github/release/checksums.sh "$scratch/dist"

section 'deployments wait for each other in the examples'
waits() {
  python3 - "$1" <<'PYTHON'
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
wrong = []
for path in sorted(root.glob("github/deploy*.yml")):
    text = path.read_text()
    if "concurrency:" not in text or "cancel-in-progress: false" not in text or "cancel-in-progress: true" in text:
        wrong.append(f"{path.name}: no concurrency group, or one that cancels")
for path in [root / "gitlab/.gitlab-ci.yml", root / "gitlab/template.yml"]:
    if not re.search(r"(?m)^ +resource_group: ", path.read_text()):
        wrong.append(f"{path.name}: no resource_group")
if not re.search(r"(?m)^ +disableConcurrentBuilds\(\)", (root / "jenkins/Jenkinsfile").read_text()):
    wrong.append("Jenkinsfile: no disableConcurrentBuilds")
print("\n".join(wrong))
sys.exit(bool(wrong))
PYTHON
}
waits ci-examples
broken_examples() {
  rm -rf "$scratch/examples"
  cp -R ci-examples "$scratch/examples"
  sed -i.old "$2" "$scratch/examples/$1"
}
broken_examples github/deploy.yml 's/cancel-in-progress: false/cancel-in-progress: true/'
refused 'a deployment that is cut off by the next one' 'one that cancels' waits "$scratch/examples"
broken_examples gitlab/.gitlab-ci.yml '/resource_group/d'
refused 'a GitLab job without a resource group' 'no resource_group' waits "$scratch/examples"

section 'the examples publish no state of a run'
# The journal of a run (.flowship) holds content and values of the tenant: an artifact of a job is named in full, so that
# no pattern takes it along.
publishes() {
  python3 - "$1" <<'PYTHON'
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
REPORTS = re.compile(r"(?:flowship-(?:junit|test|production)\.xml|flowship-(?:receipt|codequality|test|production)\.json)$")
named, wrong = [], []
for path in sorted(root.glob("github/*.yml")):
    for block in re.findall(r"upload-artifact@.*\n((?: {8,}.*\n)*)", path.read_text()):
        given = re.search(r"(?m)^( +)path: (?:\|\n((?:\1  .*\n)+)|(.*)\n)", block)
        names = (given[2] or given[3]).split() if given else ["(no path)"]
        named += [(path.name, name) for name in names]
for path in sorted(root.glob("gitlab/*.yml")):
    text = path.read_text()
    lists = re.findall(r"paths: (?:\[(.*)\]|\n((?: +- .*\n)+))", text) + re.findall(r"reports: \{(.*)\}()", text)
    for flat, lines in lists:
        items = flat.split(",") if flat else lines.splitlines()
        named += [(path.name, re.sub(r"^\s*(?:- |\w+: )?", "", item).strip()) for item in items]
    named += [(path.name, name) for name in re.findall(r"(?m)^ +(?:junit|codequality): (\S+)$", text)]
for found in re.findall(r"(?:artifacts|testResults): '([^']*)'", (root / "jenkins/Jenkinsfile").read_text()):
    named += [("Jenkinsfile", name.strip()) for name in found.split(",")]
for place in ("deploy.yml", "template.yml", "Jenkinsfile"):
    if not any(file == place for file, _ in named):
        wrong.append(f"{place}: no artifact was found in it")
wrong += [f"{file}: {name} is published" for file, name in named if not REPORTS.match(name)]
print("\n".join(wrong))
sys.exit(bool(wrong))
PYTHON
}
publishes ci-examples
broken_examples github/deploy.yml 's/^            flowship-junit.xml$/            .flow*/'
refused 'a pattern of GitHub that takes the journal along' '.flow* is published' publishes "$scratch/examples"
broken_examples gitlab/template.yml 's/paths: \[flowship-receipt.json\]/paths: [".flowship\/"]/'
refused 'a directory of GitLab that is the journal' '.flowship/" is published' publishes "$scratch/examples"
broken_examples jenkins/Jenkinsfile "s/artifacts: 'flowship-test.xml,/artifacts: '**,/"
refused 'a pattern of Jenkins that takes the journal along' '** is published' publishes "$scratch/examples"

printf '\nall static gates hold\n'
