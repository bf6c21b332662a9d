#!/usr/bin/env bash
# checksums.sh DIRECTORY: writes SHA256SUMS and one .sha256 for each asset, after a look whether all are there.
set -euo pipefail
cd "$1"
for target in {x86_64,aarch64}-unknown-linux-musl {x86_64,aarch64}-apple-darwin x86_64-pc-windows-msvc; do
  compgen -G "flowship-v*-$target.*" >/dev/null || { echo "::error title=release::there is no asset for $target"; exit 1; }
done
sha256sum flowship-v*.tar.gz flowship-v*.zip >SHA256SUMS
while read -r sum name; do
  printf '%s  %s\n' "$sum" "$name" >"$name.sha256"
done <SHA256SUMS
cat SHA256SUMS
