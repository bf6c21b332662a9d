#!/usr/bin/env bash
# Moves the major tag (v0 for v0.1.0) to the release that was published, and the image's (0) with it.
set -euo pipefail
[[ $TAG =~ ^v([0-9]+)\.[0-9]+\.[0-9]+$ ]] || { echo "::error title=release::$TAG is no vX.Y.Z"; exit 1; }
major=v${BASH_REMATCH[1]}
repository=repos/$GITHUB_REPOSITORY
commit=$(gh api "$repository/commits/$TAG" --jq .sha)
gh api "$repository/git/refs/tags/$major" -X PATCH -f sha="$commit" -F force=true --silent 2>/dev/null ||
  gh api "$repository/git/refs" -f ref="refs/tags/$major" -f sha="$commit" --silent

name=ghcr.io/$(printf '%s' "$GITHUB_REPOSITORY" | tr '[:upper:]' '[:lower:]')
printf '%s' "$GH_TOKEN" | docker login ghcr.io --username "$GITHUB_ACTOR" --password-stdin
docker buildx imagetools create --tag "$name:${major#v}" "$name:${TAG#v}"
