#!/usr/bin/env bash
# Reads the version to release, and refuses one that is released already or that the changelog does not know.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/^version = "\([^"]*\)"$/\1/p' Cargo.toml | head -n 1)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "::error title=release::the version of Cargo.toml is no X.Y.Z: $version"; exit 1; }
if gh api "repos/$GITHUB_REPOSITORY/git/ref/tags/v$version" >/dev/null 2>&1; then
  echo "::error title=release::v$version is tagged already: raise the version in Cargo.toml first"
  exit 1
fi
if [ -f CHANGELOG.md ] && ! grep -qF "$version" CHANGELOG.md; then
  echo "::error title=release::CHANGELOG.md does not name $version"
  exit 1
fi
echo "version=$version" >>"$GITHUB_OUTPUT"
