#!/usr/bin/env bash
# image.sh DIRECTORY: builds the job image from the Linux assets and pushes it. Needs Docker with buildx.
set -euo pipefail
directory=$1
here=$(dirname "${BASH_SOURCE[0]}")
name=ghcr.io/$(printf '%s' "$GITHUB_REPOSITORY" | tr '[:upper:]' '[:lower:]')
context=$(mktemp -d)
for pair in amd64:x86_64 arm64:aarch64; do
  mkdir -p "$context/linux/${pair%%:*}"
  tar -xzf "$directory/flowship-v$VERSION-${pair#*:}-unknown-linux-musl.tar.gz" --strip-components 1 -C "$context/linux/${pair%%:*}"
done
printf '%s' "$GH_TOKEN" | docker login ghcr.io --username "$GITHUB_ACTOR" --password-stdin
docker buildx create --use --driver docker-container
docker buildx build --push --platform linux/amd64,linux/arm64 --file "$here/Containerfile" \
  --tag "$name:$VERSION" \
  --label "org.opencontainers.image.source=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY" \
  --label "org.opencontainers.image.revision=$GITHUB_SHA" --label "org.opencontainers.image.version=$VERSION" \
  --metadata-file "$context/metadata.json" "$context"
{
  echo "name=$name"
  echo "digest=$(jq -r '."containerimage.digest"' "$context/metadata.json")"
} >>"$GITHUB_OUTPUT"
