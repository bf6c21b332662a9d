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

# Text for a plain line of the log: one line, and nothing in it reads as a command.
plain() {
  local text=$1
  text=${text//$'\r'/ }
  text=${text//$'\n'/ }
  text=${text//::/: :}
  text=${text//\#\#\[/# #[}
  printf '%s' "$text"
}

say() {
  printf 'flowship action: %s\n' "$(plain "$1")" >&2
}

# Ends the step: exit code (those of the program), what is wrong, what to do.
fail() {
  local code=$1
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    printf '::error title=flowship::%s\n' "$(escaped "$2"$'\n'"$3")" >&2
  else
    printf 'error: %s\n  hint:  %s\n' "$(plain "$2")" "$(plain "$3")" >&2
  fi
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

# Windows runners hand over C:\ paths; Git Bash wants its own.
unix_path() {
  if command -v cygpath >/dev/null 2>&1; then
    cygpath -u "$1"
  else
    printf '%s' "$1"
  fi
}

# A value of the [package] section of the action's Cargo.toml.
package_value() {
  local line section=''
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    case $line in
      '['*) section=$line ;;
      "$1 = \""*)
        if [ "$section" = '[package]' ]; then
          line=${line#*\"}
          printf '%s' "${line%%\"*}"
          return
        fi
        ;;
    esac
  done <"$action/Cargo.toml"
}

# The target whose asset suits this runner: Linux assets are static and run on every distribution.
find_target() {
  local os=${RUNNER_OS:-} arch=${RUNNER_ARCH:-}
  if [ -z "$os" ]; then
    case $(uname -s) in
      Linux) os=Linux ;;
      Darwin) os=macOS ;;
      MINGW* | MSYS* | CYGWIN*) os=Windows ;;
      *) os=$(uname -s) ;;
    esac
  fi
  if [ -z "$arch" ]; then
    arch=$(uname -m)
  fi
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
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  else
    fail 2 'no program that computes SHA-256 was found (sha256sum, shasum or openssl)' \
      'install one of them, or put flowship into PATH and set install: path'
  fi
}

# The checksum that the action lists for the asset; nothing when the asset does not exist for this version.
listed_checksum() {
  local sum name
  if [ ! -f "$action/.github/action/SHA256SUMS" ]; then
    return
  fi
  while read -r sum name || [ -n "$sum" ]; do
    name=${name%$'\r'}
    if [ "${name#\*}" = "$asset" ]; then
      printf '%s' "$sum" | tr 'ABCDEF' 'abcdef'
      return
    fi
  done <"$action/.github/action/SHA256SUMS"
}

# Does this program say that it is the action's version?
is_own_version() {
  local answer
  answer=$("$1" --version 2>/dev/null) || return 1
  [ "${answer%$'\r'}" = "flowship $version" ]
}

make_directory() {
  mkdir -p "$1" 2>/dev/null || fail 2 "cannot create the directory $1" \
    'see to it that RUNNER_TOOL_CACHE and RUNNER_TEMP can be written'
}

# Puts a finished directory in its place in the tool cache. Two jobs may do so at the same time: the first one wins.
settle_in_cache() {
  local from=$1 to=$2 mark=$3
  if [ ! -f "$to.complete" ]; then
    rm -rf "$to"
  fi
  if [ ! -e "$to" ]; then
    make_directory "$(dirname "$to")"
    mv "$from" "$to" || fail 2 "cannot write to $to" 'see to it that RUNNER_TOOL_CACHE can be written'
    printf '%s\n' "$mark" >"$to.complete"
  fi
  rm -rf "$from"
}

is_cached() {
  local mark=''
  if [ -f "$1.complete" ] && [ -x "$1/$program" ]; then
    IFS= read -r mark <"$1.complete" || true
  fi
  [ -n "$mark" ] && [ "$mark" = "$2" ]
}

# ----------------------------------------------------------------------------------------------------------- sources

# PATH, only when it is asked for: another step or job may have put something there. Sets `flowship` when the program there is the action's own version.
from_path() {
  local found
  found=$(type -P flowship 2>/dev/null) || found=''
  if [ -z "$found" ]; then
    missing='there is no flowship in PATH'
    return
  fi
  # the program starts in another directory than this one
  case $found in
    /*) ;;
    *) found=$PWD/$found ;;
  esac
  if is_own_version "$found"; then
    flowship=$found
    say "using $found from PATH"
  else
    missing="the flowship in PATH ($found) is not version $version"
  fi
}

# 1. The release asset. Sets `flowship`, or `missing` when there is no such asset; ends the step when it is wrong.
from_release() {
  local checksum place archive base url status
  checksum=$(listed_checksum)
  if [ -z "$checksum" ]; then
    missing="this commit of the action lists no release asset $asset"
    return
  fi
  place=$tool_cache/flowship/$version/$target
  if is_cached "$place" "$checksum"; then
    flowship=$place/$program
    say "using $flowship from the tool cache"
    return
  fi
  base=$(download_base)
  url=$base/v$version/$asset
  make_directory "$temporary"
  scratch=$(mktemp -d "$temporary/flowship.XXXXXX") || fail 2 "cannot write to $temporary" \
    'see to it that RUNNER_TEMP can be written'
  trap 'rm -rf "$scratch"' EXIT
  archive=$scratch/archive
  say "downloading $(shown_url "$url")"
  status=$(fetch "$url" "$archive")
  case $status in
    200) ;;
    404 | 410)
      missing="$(shown_url "$url") does not exist (HTTP $status)"
      rm -rf "$scratch"
      return
      ;;
    401 | 403 | 407)
      fail 4 "downloading $(shown_url "$url") was refused (HTTP $status)" \
        'check mirror-url and the proxy, or put flowship into PATH and set install: path'
      ;;
    *)
      fail 5 "downloading $(shown_url "$url") failed (HTTP $status)" \
        'run the job again, set mirror-url to a server that this runner reaches, or set install: build'
      ;;
  esac
  check_archive "$archive" "$url" "$checksum"
  unpack "$archive" "$scratch/unpacked"
  chmod 755 "$scratch/unpacked/$program"
  is_own_version "$scratch/unpacked/$program" || fail 6 \
    "the program in $asset does not run on this runner or is not version $version" \
    "this runner is ${RUNNER_OS:-$(uname -s)} ${RUNNER_ARCH:-$(uname -m)}; set install: build, or report it"
  settle_in_cache "$scratch/unpacked" "$place" "$checksum"
  rm -rf "$scratch"
  flowship=$place/$program
}

# Where releases are: the mirror, else the repository that the action came from.
download_base() {
  local mirror=${INPUT_MIRROR_URL:-} repository
  if [ -n "$mirror" ]; then
    case $mirror in
      https://* | http://*) ;;
      *) fail 2 'mirror-url is not an https:// or http:// address' 'give the address of the directory that holds vX.Y.Z/' ;;
    esac
    while [ "$mirror" != "${mirror%/}" ]; do mirror=${mirror%/}; done
    printf '%s' "$mirror"
    return
  fi
  repository=${INPUT_ACTION_REPOSITORY:-${GITHUB_ACTION_REPOSITORY:-}}
  if [ -n "$repository" ]; then
    repository=${GITHUB_SERVER_URL:-https://github.com}/$repository
  else
    # `uses: ./`: the package says where it lives, else it lives in the repository of the workflow
    repository=$(package_value repository)
    repository=${repository:-${GITHUB_SERVER_URL:-https://github.com}/${GITHUB_REPOSITORY:-}}
  fi
  printf '%s/releases/download' "$repository"
}

# Downloads; prints the HTTP status. What curl says is a line of the log, and the password of a mirror is not in it.
fetch() {
  local url=$1 file=$2 status code=0 protocols='=https'
  case $url in
    # a mirror inside the network; what it sends is checked against the list all the same
    http://*) protocols='=http,https' ;;
  esac
  command -v curl >/dev/null 2>&1 || fail 2 'curl was not found' \
    'install curl, or put flowship into PATH and set install: path'
  # the address is read from standard input: the process list does not show the mirror's password
  # -q first: no ~/.curlrc has a say
  status=$(printf 'url = "%s"\n' "$(curl_quoted "$url")" | curl -q --config - --silent --globoff --location --max-redirs 5 \
    --proto "$protocols" --proto-redir "$protocols" --connect-timeout 20 --max-time 300 \
    --retry 3 --retry-delay 1 --retry-max-time 120 \
    --output "$file" --write-out '%{http_code}') || code=$?
  if [ "$code" -ne 0 ]; then
    fail 5 "downloading $(shown_url "$url") failed: $(curl_error "$code")" \
      'run the job again, set mirror-url to a server that this runner reaches, or put flowship into PATH and set install: path'
  fi
  printf '%s' "$status"
}

curl_quoted() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/}
  text=${text//$'\r'/}
  printf '%s' "$text"
}

curl_error() {
  case $1 in
    5) printf 'the name of the proxy is unknown' ;;
    6) printf 'the name of the server is unknown' ;;
    7) printf 'no connection to the server' ;;
    18) printf 'the answer was cut' ;;
    28) printf 'no answer in time' ;;
    35 | 51 | 53 | 54 | 58 | 60 | 77 | 83) printf 'TLS failed (curl %s): is a CA certificate of your company missing?' "$1" ;;
    1 | 47) printf 'the server redirects to where it must not (curl %s)' "$1" ;;
    *) printf 'curl ended with %s' "$1" ;;
  esac
}

# An archive, and the very one that the action lists?
check_archive() {
  local archive=$1 url=$2 expected=$3 actual start
  actual=$(sha256_of "$archive")
  if [ "$actual" = "$expected" ]; then
    return
  fi
  start=$(head -c 512 "$archive" | LC_ALL=C tr -d '\000' | LC_ALL=C tr '[:upper:]' '[:lower:]' | tr -d ' \t\r\n')
  case $start in
    '<!doctype'* | '<html'* | '<?xml'* | '<head'* | '<!--'*)
      fail 6 "$(shown_url "$url") answered with a web page instead of an archive" \
        'a proxy or a sign-in page answers for the server: check mirror-url and the proxy, or put flowship into PATH and set install: path'
      ;;
  esac
  fail 6 "the checksum of $(shown_url "$url") is wrong: expected $expected, got $actual" \
    'the file is not what this version of the action was released with, it was not used: check the mirror; if it comes from the release itself, report it'
}

# One directory with the program in it, without the folder that the archive holds it in.
unpack() {
  local archive=$1 to=$2 folder=flowship-v$version-$target code=0
  mkdir -p "$to.all" "$to"
  # into a directory that is the current one: GNU tar takes C: for the name of a host
  case $suffix in
    zip)
      if command -v unzip >/dev/null 2>&1; then
        (cd "$to.all" && unzip -q -o "$archive" >/dev/null 2>&1) || code=$?
      else
        (cd "$to.all" && "$(unix_path "${SYSTEMROOT:-C:\\Windows}")/System32/tar.exe" -xf - <"$archive" 2>/dev/null) || code=$?
      fi
      ;;
    *) (cd "$to.all" && tar -xzf - <"$archive" 2>/dev/null) || code=$? ;;
  esac
  if [ "$code" -ne 0 ] || [ ! -f "$to.all/$folder/$program" ]; then
    fail 6 "$asset cannot be unpacked, or $folder/$program is not in it" \
      'is there space left on the disk? If so, report it; install: build does without the archive'
  fi
  mv "$to.all/$folder/$program" "$to/$program"
  rm -rf "$to.all"
}

# 2. cargo, from the action's own source. The tool cache keeps the result for as long as the source is the same.
from_source() {
  local digest place build
  digest=$(source_digest)
  place=$tool_cache/flowship/$version/source-$(printf '%s' "$digest" | cut -c 1-16)-$target
  if is_cached "$place" "$digest"; then
    flowship=$place/$program
    say "using $flowship from the tool cache"
    return
  fi
  command -v cargo >/dev/null 2>&1 || fail 2 "flowship has to be built, but cargo was not found${missing:+ ($missing)}" \
    'install Rust before this step, use a released version of the action, or put flowship into PATH and set install: path'
  build=$temporary/flowship-target
  make_directory "$build"
  printf '::group::Building flowship %s from the source of the action\n' "$version" >&2
  # a configuration or target that the job made for its own build is not for this one
  if ! (
    cd "$action"
    unset CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR CARGO_ENCODED_RUSTFLAGS RUSTFLAGS RUSTC_WRAPPER
    CARGO_TARGET_DIR=$build cargo build --release --locked --bin flowship >&2
  ); then
    printf '::endgroup::\n' >&2
    fail 2 "flowship could not be built${missing:+ ($missing)}" \
      "the log of cargo is above; it needs Rust $(package_value rust-version) or newer and a reachable crate registry. A released version of the action needs neither"
  fi
  printf '::endgroup::\n' >&2
  make_directory "$(dirname "$place")"
  rm -rf "$place.new.$$"
  make_directory "$place.new.$$"
  cp "$build/release/$program" "$place.new.$$/$program"
  settle_in_cache "$place.new.$$" "$place" "$digest"
  flowship=$place/$program
}

source_digest() {
  (
    cd "$action"
    find Cargo.toml Cargo.lock src -type f | LC_ALL=C sort | while IFS= read -r file; do
      printf '%s %s\n' "$(sha256_of "$file")" "$file"
    done
  ) >"$temporary/flowship-source.$$"
  sha256_of "$temporary/flowship-source.$$"
  rm -f "$temporary/flowship-source.$$"
}

# Sets `flowship`.
install_flowship() {
  local how=${INPUT_INSTALL:-auto}
  flowship='' missing=''
  case $how in
    path)
      from_path
      [ -n "$flowship" ] || fail 2 "install: path, but $missing" \
        "put flowship $version into PATH in a step before, or set install: auto"
      ;;
    release)
      from_release
      [ -n "$flowship" ] || fail 2 "install: release, but $missing" \
        'use a released version of the action (its tag, or the commit of the tag), put the asset on the mirror, or set install: build'
      ;;
    build)
      from_source
      ;;
    auto)
      from_release
      if [ -z "$flowship" ]; then
        say "$missing, so it is built from the source of the action"
        from_source
      fi
      ;;
    *)
      fail 2 "the input install is \`$how\`" 'write auto, path, release or build'
      ;;
  esac
}

# ------------------------------------------------------------------------------------------------------- the program

# Hands an input over as the variable of its option. One that is empty, or at its default while the job sets the
# variable itself, leaves the variable alone.
hand_over() {
  local option=$1 value=$2 default=${3-} variable
  variable=FLOWSHIP_$option
  if [ -z "$value" ]; then
    return
  fi
  if [ "$value" = "$default" ] && [ -n "${!variable:-}" ]; then
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

# Sets `arguments`, and exports the variables of the options.
prepare() {
  local command=${INPUT_COMMAND:-deploy}
  arguments=("$command")
  hand_over REPORT_JUNIT "${INPUT_REPORT_JUNIT:-}"
  hand_over REPORT_JSON "${INPUT_REPORT_JSON:-}"
  case $command in
    deploy | plan | redeploy | doctor)
      hand_over ENVIRONMENT "${INPUT_ENVIRONMENT:-}"
      if is_on sandbox "${INPUT_SANDBOX:-}"; then
        arguments+=(--sandbox)
      fi
      add_lines --scenario= "${INPUT_SCENARIO:-}"
      ;;
  esac
  case $command in
    deploy | plan | redeploy)
      hand_over PARAMETERS "${INPUT_PARAMETERS:-}"
      hand_over SET "${INPUT_SET:-}"
      hand_over SET_FROM_ENV "${INPUT_SET_FROM_ENV:-}"
      hand_over OVERWRITE_DRAFTS "${INPUT_OVERWRITE_DRAFTS:-}" false
      hand_over TIMEOUT "${INPUT_TIMEOUT:-}" 10m
      hand_over POLL_INTERVAL "${INPUT_POLL_INTERVAL:-}" 300ms
      hand_over SETTLE "${INPUT_SETTLE:-}" 0s
      ;;
  esac
  case $command in
    deploy | plan)
      hand_over PACKAGE "${INPUT_PACKAGE:-}"
      hand_over PACKAGE_NAME "${INPUT_PACKAGE_NAME:-}"
      hand_over ID "${INPUT_ID:-}"
      hand_over NAME "${INPUT_NAME:-}"
      hand_over PARAMETERS_FROM_ARTIFACT "${INPUT_PARAMETERS_FROM_ARTIFACT:-}" false
      hand_over NO_CREATE_PACKAGE "${INPUT_NO_CREATE_PACKAGE:-}" false
      hand_over NO_DEPLOY "${INPUT_NO_DEPLOY:-}" false
      if is_on force "${INPUT_FORCE:-}"; then
        arguments+=(--force)
      fi
      arguments+=(--)
      add_lines '' "${INPUT_PATH:-}"
      ;;
    redeploy)
      [ -n "${INPUT_ID:-}" ] || fail 2 'redeploy needs the input id' 'give the ids of the artifacts, one a line'
      arguments+=(--)
      add_lines '' "$INPUT_ID"
      ;;
    check)
      arguments+=(--)
      add_lines '' "${INPUT_PATH:-}"
      ;;
    pack)
      [ -n "${INPUT_OUT:-}" ] || fail 2 'pack needs the input out' 'give the zip to write'
      arguments+=("--out=$INPUT_OUT")
      if [ -n "${INPUT_ID:-}" ]; then
        arguments+=("--id=$INPUT_ID")
      fi
      if [ -n "${INPUT_NAME:-}" ]; then
        arguments+=("--name=$INPUT_NAME")
      fi
      arguments+=(--)
      add_lines '' "${INPUT_PATH:-}"
      ;;
    doctor) ;;
    *)
      fail 2 "the input command is \`$command\`" 'write deploy, plan, redeploy, doctor, check or pack'
      ;;
  esac
  if [ "$command" = pack ] && [ -z "${INPUT_PATH:-}" ]; then
    fail 2 "$command needs the input path" 'give the directory that holds META-INF, or a zip exported from a tenant'
  fi
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
  local here name
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
  action=${here%/.github/action}
  version=$(package_value version)
  [ -n "$version" ] || fail 2 "there is no version in $action/Cargo.toml" 'use a complete copy of the action'
  tool_cache=${RUNNER_TOOL_CACHE:-}
  # a directory that others can write, as /tmp, would let them put a program there that is then run
  [ -n "${RUNNER_TEMP:-}" ] || fail 2 'RUNNER_TEMP is not set' \
    'runners of GitHub Actions set it; elsewhere let it name an empty directory that nobody else can write'
  temporary=$(unix_path "$RUNNER_TEMP")
  tool_cache=$(unix_path "${tool_cache:-$temporary}")
  find_target

  # what is wrong with the inputs is said before anything is downloaded
  arguments=()
  prepare
  local directory=${INPUT_WORKING_DIRECTORY:-.}
  [ -d "$directory" ] || fail 2 "working-directory: there is no directory $directory" \
    'it is relative to the workspace; is a checkout step missing before this one?'

  # nothing that downloads or builds sees a credential: those variables come back for the program alone
  if [ -n "${INPUT_SERVICE_KEY:-}" ]; then
    CPI_SERVICE_KEY=$INPUT_SERVICE_KEY
    export CPI_SERVICE_KEY
  fi
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
  exec "$flowship" "${arguments[@]}"
}

main
