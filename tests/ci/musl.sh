#!/usr/bin/env bash
# The static Linux program as it is released: built and packed by the release's own script, then taken from that archive
# by the action's script, and run against the sandbox. Needs rustup's target and musl-tools; installs both when missing.
#
# FLOWSHIP_MUSL_ARCHIVE names an archive that was built already; CARGO_TARGET_DIR is honoured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=x86_64-unknown-linux-musl
version=$(sed -n 's/^version = "\([^"]*\)"$/\1/p' Cargo.toml | head -n 1)
asset=flowship-v$version-$target.tar.gz
scratch=$(mktemp -d)
server=
trap 'rm -rf "$scratch"; [ -z "$server" ] || kill "$server" 2>/dev/null' EXIT
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}

printf '\n== The static program: %s\n' "$target"
dist=$scratch/v$version
mkdir -p "$dist"
if [ -n "${FLOWSHIP_MUSL_ARCHIVE:-}" ]; then
  cp "$FLOWSHIP_MUSL_ARCHIVE" "$dist/$asset"
else
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
  command -v x86_64-linux-musl-gcc >/dev/null || apt-get install -y -qq musl-tools >/dev/null 2>&1 || true
  command -v x86_64-linux-musl-gcc >/dev/null || fail 'musl-tools is missing: apt-get install musl-tools'
  .github/release/build.sh "$target" "$dist"
fi
tar -tzf "$dist/$asset"
tar -xzf "$dist/$asset" -C "$scratch"
program=$scratch/flowship-v$version-$target/flowship

printf '\n== It is static, small and says nothing of this machine\n'
# the dynamic section of a static-pie names no library, and there is no interpreter
python3 - "$program" "${FLOWSHIP_BIN:-}" <<'PYTHON'
import struct
import sys


def interpreter(path):
    data = open(path, "rb").read()
    assert data[:4] == b"\x7fELF", f"{path} is no ELF file"
    start, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = [struct.unpack_from("<I", data, start + index * size)[0] for index in range(count)]
    return 3 in kinds


if interpreter(sys.argv[1]):
    sys.exit("FAILED: it asks for a dynamic loader")
# twin: the ordinary program of this machine does ask
if not interpreter(sys.argv[2] or "/bin/sh"):
    sys.exit("FAILED: the look at the program sees no difference")
PYTHON
size=$(wc -c <"$program")
printf '  static, %s bytes\n' "$size"
[ "$size" -le 7700000 ] || fail "it has $size bytes"
! grep -qaF "$PWD/src" "$program" || fail 'the path of this checkout is in it'
! grep -qaF "${CARGO_HOME:-$HOME/.cargo}/registry" "$program" || fail 'the path of this cargo is in it'

printf '\n== The action takes it from the archive, and it deploys\n'
mkdir -p "$scratch/action" "$scratch/site" "$scratch/temp"
cp -R action.yml Cargo.toml Cargo.lock .github "$scratch/action/"
(cd "$dist" && sha256sum "$asset") >"$scratch/action/.github/action/SHA256SUMS"
cp -R "$dist" "$scratch/site/"
python3 -u -m http.server --bind 127.0.0.1 --directory "$scratch/site" 0 >"$scratch/server" 2>&1 &
server=$!
for _ in $(seq 50); do
  port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$scratch/server")
  [ -z "$port" ] || break
  sleep 0.1
done
env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$scratch" NO_COLOR=1 RUNNER_OS=Linux RUNNER_ARCH=X64 \
  RUNNER_TEMP="$scratch/temp" GITHUB_ACTION_PATH="$scratch/action/" \
  INPUT_INSTALL=release INPUT_MIRROR_URL="http://127.0.0.1:$port" INPUT_SANDBOX=true \
  INPUT_PATH=ci-examples/flows/hello-timer INPUT_PACKAGE=Example \
  bash -p "$scratch/action/.github/action/flowship.sh" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail 'it did not deploy'; }
grep -q '^SIMULATED started flowship.example.HelloTimer' "$scratch/log" || { cat "$scratch/log"; fail 'it did not deploy'; }
grep '^SIMULATED started' "$scratch/log"
