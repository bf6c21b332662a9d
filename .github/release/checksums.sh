#!/usr/bin/env bash
# checksums.sh DIRECTORY: writes SHA256SUMS and one .sha256 for each file, after a look whether each program and the list
# of what it is made of are there.
set -euo pipefail
cd "$1"
for target in {x86_64,aarch64}-unknown-linux-musl {x86_64,aarch64}-apple-darwin x86_64-pc-windows-msvc; do
  compgen -G "flowship-v*-$target.tar.gz" >/dev/null || compgen -G "flowship-v*-$target.zip" >/dev/null ||
    { echo "::error title=release::there is no asset for $target"; exit 1; }
  compgen -G "flowship-v*-$target.cdx.json" >/dev/null ||
    { echo "::error title=release::there is no list of the parts (SBOM) for $target"; exit 1; }
done
sha256sum flowship-v*.tar.gz flowship-v*.zip flowship-v*.cdx.json >SHA256SUMS
while read -r sum name; do
  printf '%s  %s\n' "$sum" "$name" >"$name.sha256"
done <SHA256SUMS
cat SHA256SUMS
