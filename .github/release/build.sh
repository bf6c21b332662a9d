#!/usr/bin/env bash
# build.sh TARGET DIRECTORY: builds flowship for the target and packs it as flowship-vX.Y.Z-TARGET.tar.gz (zip for Windows).
#
# The archive holds one folder of its own name. The same source, compiler and target give the same program; the paths of
# this machine are not in it.
set -euo pipefail
target=$1
mkdir -p "$2"
directory=$(cd "$2" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/^version = "\([^"]*\)"$/\1/p' Cargo.toml | head -n 1)
program=flowship
native() { if command -v cygpath >/dev/null 2>&1; then cygpath -w "$1"; else printf '%s' "$1"; fi; }
flags=(
  "--remap-path-prefix=$(native "$PWD")=flowship"
  "--remap-path-prefix=$(native "${CARGO_HOME:-$HOME/.cargo}")=cargo"
)
case $target in
  *-windows-*)
    program=flowship.exe
    # no runtime library has to be installed
    flags+=(-C target-feature=+crt-static)
    ;;
esac
# cargo reads flags between unit separators, so that paths may hold spaces
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
cargo ${RUST:+"+$RUST"} build --release --locked --target "$target"

folder=flowship-v$version-$target
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$folder"
cp "${CARGO_TARGET_DIR:-target}/$target/release/$program" README.md LICENSE CHANGELOG.md "$stage/$folder/"
case $target in
  *-windows-*)
    (cd "$stage" && 7z a -bso0 -tzip "$directory/$folder.zip" "$folder")
    ;;
  *)
    (cd "$stage" && tar -cf - "$folder" | gzip -9n >"$directory/$folder.tar.gz")
    ;;
esac
"$stage/$folder/$program" --version
