#!/usr/bin/env bash
# sbom.sh DIRECTORY: what each asset is made of, as flowship-vX.Y.Z-TARGET.cdx.json (CycloneDX 1.5): every package of
# Cargo.lock that is compiled into the program, and as `excluded` those that only build it.
#
# The same commit gives the same files: the time is that of the commit, and no path of this machine is in them.
set -euo pipefail
tool=0.5.9
mkdir -p "$1"
directory=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/^version = "\([^"]*\)"$/\1/p' Cargo.toml | head -n 1)
[ "$(cargo cyclonedx --version 2>/dev/null | sed -n 's/.* //p')" = "$tool" ] || cargo install --locked "cargo-cyclonedx@$tool"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
place=$(pwd -P)
# no build and no change of Cargo.lock: the tool asks `cargo metadata`, which would write a lock file that does not fit
cargo metadata --locked --format-version 1 >/dev/null
for target in {x86_64,aarch64}-unknown-linux-musl {x86_64,aarch64}-apple-darwin x86_64-pc-windows-msvc; do
  cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --target-in-filename
  sed "s|file://$place|file:///flowship|g" "flowship_$target.cdx.json" >"$directory/flowship-v$version-$target.cdx.json"
  rm "flowship_$target.cdx.json"
done
