#!/usr/bin/env bash
# What the action runs: finds, downloads or builds flowship, then becomes it.
#
# Everything comes by variables (INPUT_*, see action.yml) and leaves by variables or as one argument each; nothing is
# ever put together as shell text. Runs with bash 3.2 (macOS), on Linux, macOS and Windows (Git Bash).
set -euo pipefail
unset BASH_ENV ENV CDPATH GREP_OPTIONS
IFS=$' \t\n'
umask 022

# ---------------------------------------------------------------------------------------------------------- messages

# Text for a workflow command: no line of it can begin another command.
escaped() {
  local text=$1
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  printf '%s' "$text"
}

say() {
  local text=${1//[$'\r\n']/ }
  text=${text//::/: :}
  printf 'flowship action: %s\n' "${text//\#\#\[/# #[}" >&2
}

# Ends the step: exit code (those of the program), what is wrong, what to do.
fail() {
  local code=$1
  printf '::error title=flowship::%s\n' "$(escaped "$2"$'\n'"$3")" >&2
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'exit-code=%s\n' "$code" 2>/dev/null >>"$GITHUB_OUTPUT" || true
  fi
  exit "$code"
}

# A URL without the user and password that a mirror's address may carry, and without its query.
shown_url() {
  local url=${1%%\?*} rest authority
  rest=${url#*://}
  authority=${rest%%/*}
  printf '%s://%s%s' "${url%%://*}" "${authority##*@}" "${rest#"$authority"}"
}

# ------------------------------------------------------------------------------------------------------------- where

# Windows runners hand over C:\\ paths; Git Bash wants its own.
unix_path() {
  cygpath -u "$1" 2>/dev/null || printf '%s' "$1"
}

# A value of the action's Cargo.toml; the first one of that name is the package's.
package_value() {
  sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" "$action/Cargo.toml" | head -n 1
}

# The target whose asset suits this runner: Linux assets are static and run on every distribution.
find_target() {
  local os=${RUNNER_OS:-} arch=${RUNNER_ARCH:-}
  case ${os:=$(uname -s)} in
    Darwin) os=macOS ;;
    MINGW* | MSYS* | CYGWIN*) os=Windows ;;
  esac
  arch=${arch:-$(uname -m)}
  case $arch in
    X64 | x64 | x86_64 | amd64) arch=x86_64 ;;
    ARM64 | arm64 | aarch64) arch=aarch64 ;;
  esac
  suffix=tar.gz
  program=flowship
  case $os in
    Linux) target=$arch-unknown-linux-musl ;;
    macOS) target=$arch-apple-darwin ;;
    Windows)
      target=$arch-pc-windows-msvc
      suffix=zip
      program=flowship.exe
      ;;
    *) target=$arch-$os ;;
  esac
  asset=flowship-v$version-$target.$suffix
}

sha256_of() {
  { sha256sum <"$1" 2>/dev/null || shasum -a 256 <"$1"; } | cut -d ' ' -f 1
}

# The checksum that the action lists for the asset; nothing when the asset does not exist for this version.
listed_checksum() {
  awk -v asset="$asset" '{ sub(/\r$/, "") } $2 == asset || $2 == "*" asset { print tolower($1); exit }' \
    "$action/.github/action/SHA256SUMS" 2>/dev/null || true
}

# Does this program say that it is the action's version?
is_own_version() {
  local answer
  answer=$("$1" --version 2>/dev/null) || return 1
  [ "${answer%$'\r'}" = "flowship $version" ]
}

# ----------------------------------------------------------------------------------------------------------- sources

# PATH, only when it is asked for: another step or job may have put something there. Sets `flowship` when the program there is the action's own version.
from_path() {
  local found
  found=$(type -P flowship 2>/dev/null) || found=''
  # the program starts in another directory than this one
  case $found in
    '') missing='there is no flowship in PATH' ;;
    /*) ;;
    *) found=$PWD/$found ;;
  esac
  if [ -n "$found" ] && is_own_version "$found"; then
    flowship=$found
    say "using $found from PATH"
  elif [ -n "$found" ]; then
    missing="the flowship in PATH ($found) is not version $version"
  fi
}

# 1. The release asset. Sets `flowship`, or `missing` when there is no such asset; ends the step when it is wrong.
from_release() {
  local checksum base url status shown folder=flowship-v$version-$target
  checksum=$(listed_checksum)
  if [ -z "$checksum" ]; then
    missing="this commit of the action lists no release asset $asset"
    return
  fi
  base=$(download_base)
  url=$base/v$version/$asset
  shown=$(shown_url "$url")
  # a directory of its own: nobody else can have put anything there
  scratch=$(mktemp -d "$temporary/flowship.XXXXXX") || fail 2 "cannot write to $temporary" \
    'see to it that RUNNER_TEMP can be written'
  say "downloading $shown"
  status=$(fetch "$url" "$scratch/archive")
  case $status in
    200) ;;
    404 | 410)
      missing="$shown does not exist (HTTP $status)"
      return
      ;;
    401 | 403 | 407) fail 4 "downloading $shown was refused (HTTP $status)" 'check mirror-url and the proxy' ;;
    *) fail 5 "downloading $shown failed (HTTP $status)" 'run the job again, or set mirror-url to a server that this runner reaches' ;;
  esac
  [ "$(sha256_of "$scratch/archive")" = "$checksum" ] || fail 6 "the checksum of $shown is wrong: expected $checksum" \
    'what came is not what this version of the action was released with, and was not used: a proxy or sign-in page may answer for the server; check mirror-url'
  # into a directory that is the current one: GNU tar takes C: for the name of a host
  case $suffix in
    zip) (cd "$scratch" && unzip -q -o archive >/dev/null 2>&1) || true ;;
    *) (cd "$scratch" && tar -xzf - <archive 2>/dev/null) || true ;;
  esac
  flowship=$scratch/$folder/$program
  [ -f "$flowship" ] || fail 6 "$asset cannot be unpacked, or $folder/$program is not in it" \
    'is there space left on the disk? If so, report it; install: build does without the archive'
  chmod 755 "$flowship"
  is_own_version "$flowship" || fail 6 "the program in $asset does not run on this runner or is not version $version" \
    "this runner is ${RUNNER_OS:-$(uname -s)} ${RUNNER_ARCH:-$(uname -m)}; set install: build, or report it"
}

# Where releases are: the mirror, else the repository that the action came from.
download_base() {
  local mirror=${INPUT_MIRROR_URL:-} repository=${INPUT_ACTION_REPOSITORY:-${GITHUB_ACTION_REPOSITORY:-}}
  case $mirror in
    https://* | http://*)
      while [ "$mirror" != "${mirror%/}" ]; do mirror=${mirror%/}; done
      printf '%s' "$mirror"
      ;;
    '')
      # `uses: ./`: the package says where it lives, else it lives in the repository of the workflow
      repository=${repository:+${GITHUB_SERVER_URL:-https://github.com}/$repository}
      repository=${repository:-$(package_value repository)}
      printf '%s/releases/download' "${repository:-${GITHUB_SERVER_URL:-https://github.com}/${GITHUB_REPOSITORY:-}}"
      ;;
    *) fail 2 'mirror-url is not an https:// or http:// address' 'give the address of the directory that holds vX.Y.Z/' ;;
  esac
}

# Downloads; prints the HTTP status. What curl says is a line of the log, and the password of a mirror is not in it.
fetch() {
  local url=$1 file=$2 status code=0 protocols='=https'
  case $url in
    # a mirror inside the network; what it sends is checked against the list all the same
    http://*) protocols='=http,https' ;;
  esac
  # the address is read from standard input: the process list does not show the mirror's password
  # -q first: no ~/.curlrc has a say
  status=$(printf 'url = "%s"\n' "$(curl_quoted "$url")" | curl -q --config - --silent --show-error --globoff --location --max-redirs 5 \
    --proto "$protocols" --proto-redir "$protocols" --connect-timeout 20 --max-time 300 \
    --retry 3 --retry-delay 1 --retry-max-time 120 \
    --output "$file" --write-out '%{http_code}') || code=$?
  [ "$code" -eq 0 ] || fail 5 "downloading $(shown_url "$url") failed (curl ended with $code)" \
    'run the job again, set mirror-url to a server that this runner reaches, or put flowship into PATH and set install: path'
  printf '%s' "$status"
}

curl_quoted() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '%s' "${text//[$'\r\n']/}"
}

# 2. cargo, from the action's own source.
from_source() {
  local build=$temporary/flowship-target
  command -v cargo >/dev/null 2>&1 || fail 2 "flowship has to be built, but cargo was not found${missing:+ ($missing)}" \
    'install Rust before this step, use a released version of the action, or put flowship into PATH and set install: path'
  # a configuration or target that the job made for its own build is not for this one
  if ! (
    cd "$action"
    unset CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR CARGO_ENCODED_RUSTFLAGS RUSTFLAGS RUSTC_WRAPPER
    CARGO_TARGET_DIR=$build cargo build --release --locked --bin flowship >&2
  ); then
    fail 2 "flowship could not be built${missing:+ ($missing)}" \
      "the log of cargo is above; it needs Rust $(package_value rust-version) or newer and a reachable crate registry. A released version of the action needs neither"
  fi
  flowship=$build/release/$program
}

# Sets `flowship`.
install_flowship() {
  local how=${INPUT_INSTALL:-auto}
  flowship='' missing=''
  case $how in
    path) from_path ;;
    release) from_release ;;
    build) from_source ;;
    auto)
      from_release
      if [ -z "$flowship" ]; then
        say "$missing, so it is built from the source of the action"
        from_source
      fi
      ;;
    *) fail 2 "the input install is \`$how\`" 'write auto, path, release or build' ;;
  esac
  [ -n "$flowship" ] || fail 2 "install: $how, but $missing" \
    'use a released version of the action, put its flowship into PATH, or set install: auto'
}

# ------------------------------------------------------------------------------------------------------- the program

# Hands an input over as the variable of its option. One that is empty, or at its default while the job sets the
# variable itself, leaves the variable alone.
hand_over() {
  local option=$1 value=$2 default=${3-} variable
  variable=FLOWSHIP_$option
  if [ -z "$value" ] || { [ "$value" = "$default" ] && [ -n "${!variable:-}" ]; }; then
    return
  fi
  export "$variable=$value"
}

# A switch that has no variable, because nothing but the command may set it.
is_on() {
  case $2 in
    true | True | TRUE) return 0 ;;
    '' | false | False | FALSE) return 1 ;;
    *) fail 2 "the input $1 is \`$2\`" 'write true or false' ;;
  esac
}

# Adds each line of a list to the arguments, behind an option if there is one.
add_lines() {
  local option=$1 line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    # YAML blocks leave blanks around
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    if [ -n "$line" ]; then
      arguments+=("$option$line")
    fi
  done <<<"$2"
}

# The variables of options, each with the input's default.
COMMON='PARAMETERS SET SET_FROM_ENV OVERWRITE_DRAFTS=false TIMEOUT=10m POLL_INTERVAL=300ms SETTLE=0s'
CONTENT='PACKAGE PACKAGE_NAME ID NAME PARAMETERS_FROM_ARTIFACT=false NO_CREATE_PACKAGE=false NO_DEPLOY=false'

# Sets `arguments`, and exports the variables of the options.
prepare() {
  local command=${INPUT_COMMAND:-deploy} operands=${INPUT_PATH:-} options='REPORT_JUNIT REPORT_JSON' one input
  arguments=("$command")
  case $command in
    deploy | plan) options="$options ENVIRONMENT $COMMON $CONTENT" ;;
    redeploy)
      options="$options ENVIRONMENT $COMMON"
      operands=${INPUT_ID:-}
      [ -n "$operands" ] || fail 2 'redeploy needs the input id' 'give the ids of the artifacts, one a line'
      ;;
    doctor)
      options="$options ENVIRONMENT"
      operands=''
      ;;
    check) ;;
    pack)
      [ -n "${INPUT_OUT:-}" ] || fail 2 'pack needs the input out' 'give the zip to write'
      [ -n "$operands" ] || fail 2 'pack needs the input path' 'give the directory that holds META-INF, or a zip'
      arguments+=("--out=$INPUT_OUT" ${INPUT_ID:+"--id=$INPUT_ID"} ${INPUT_NAME:+"--name=$INPUT_NAME"})
      ;;
    *) fail 2 "the input command is \`$command\`" 'write deploy, plan, redeploy, doctor, check or pack' ;;
  esac
  for one in $options; do
    input=INPUT_${one%%=*}
    case $one in
      *=*) hand_over "${one%%=*}" "${!input:-}" "${one#*=}" ;;
      *) hand_over "$one" "${!input:-}" ;;
    esac
  done
  case $command in
    deploy | plan | redeploy | doctor)
      if is_on sandbox "${INPUT_SANDBOX:-}"; then arguments+=(--sandbox); fi
      add_lines --scenario= "${INPUT_SCENARIO:-}"
      ;;
  esac
  case $command in
    deploy | plan) if is_on force "${INPUT_FORCE:-}"; then arguments+=(--force); fi ;;
  esac
  if [ "$command" != doctor ]; then arguments+=(--); fi
  add_lines '' "$operands"
}

# Git Bash rewrites what looks like a Unix path on its way to a Windows program; an address like /orders is none.
keep_paths_as_they_are() {
  local line names='FLOWSHIP_;CPI_'
  command -v cygpath >/dev/null 2>&1 || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    names="$names;${line##*=}"
  done <<<"${INPUT_SET_FROM_ENV:-}"
  export MSYS_NO_PATHCONV=1 MSYS2_ARG_CONV_EXCL='*' MSYS2_ENV_CONV_EXCL="$names"
}

main() {
  local here name directory=${INPUT_WORKING_DIRECTORY:-.}
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
  action=${here%/.github/action}
  version=$(package_value version)
  [ -n "$version" ] || fail 2 "there is no version in $action/Cargo.toml" 'use a complete copy of the action'
  # a directory that others can write, as /tmp, would let them put a program there that is then run
  [ -n "${RUNNER_TEMP:-}" ] || fail 2 'RUNNER_TEMP is not set' \
    'runners of GitHub Actions set it; elsewhere let it name an empty directory that nobody else can write'
  temporary=$(unix_path "$RUNNER_TEMP")
  find_target

  # what is wrong with the inputs is said before anything is downloaded
  arguments=()
  prepare
  [ -d "$directory" ] || fail 2 "working-directory: there is no directory $directory" \
    'it is relative to the workspace; is a checkout step missing before this one?'

  # nothing that downloads or builds sees a credential: those variables come back for the program alone
  CPI_SERVICE_KEY=${INPUT_SERVICE_KEY:-${CPI_SERVICE_KEY:-}}
  unset INPUT_SERVICE_KEY
  for name in "${!CPI_@}"; do
    export -n "${name?}"
  done
  install_flowship
  for name in "${!CPI_@}"; do
    export "${name?}"
  done
  keep_paths_as_they_are
  for name in "${!INPUT_@}"; do
    unset "$name"
  done
  cd -- "$directory"
  # one stream, so that the log keeps the order of the lines and no runner mixes two of them
  exec "$flowship" "${arguments[@]}" 2>&1
}

main
