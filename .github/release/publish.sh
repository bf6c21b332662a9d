#!/usr/bin/env bash
# publish.sh DIRECTORY: commits the checksums on top of the commit that was built, tags that commit, drafts the release.
#
# By the API and not by git push: the commit is signed by GitHub, and no token lies in the checkout.
set -euo pipefail
directory=$1
tag=v$VERSION
repository=repos/$GITHUB_REPOSITORY
list=.github/action/SHA256SUMS

# the comment of the list stays
{ grep '^#' "$list"; cat "$directory/SHA256SUMS"; } >"$directory/list"
blob=$(gh api "$repository/git/blobs" -f content="$(cat "$directory/list")" -f encoding=utf-8 --jq .sha)
base=$(gh api "$repository/git/commits/$GITHUB_SHA" --jq .tree.sha)
tree=$(gh api "$repository/git/trees" -f base_tree="$base" \
  -f "tree[][path]=$list" -f 'tree[][mode]=100644' -f 'tree[][type]=blob' -f "tree[][sha]=$blob" --jq .sha)
commit=$(gh api "$repository/git/commits" -f message="flowship $VERSION: the checksums of its assets

Built from $GITHUB_SHA." -f tree="$tree" -f "parents[]=$GITHUB_SHA" --jq .sha)
gh api "$repository/git/refs" -f ref="refs/tags/$tag" -f sha="$commit" --silent

notes=$(mktemp)
# shellcheck disable=SC2016 # the quotes are those of Markdown
{
  # the part of the changelog for this version
  awk -v version="$VERSION" '/^## / { on = index($0, version) } on' CHANGELOG.md
  printf '\nPin the action: `uses: %s@%s # %s`\n' "$GITHUB_REPOSITORY" "$commit" "$tag"
  printf '\nCheck an asset: `gh attestation verify FILE --repo %s`\n' "$GITHUB_REPOSITORY"
} >"$notes"
gh release create "$tag" --repo "$GITHUB_REPOSITORY" --draft --verify-tag --title "flowship $VERSION" --notes-file "$notes" \
  "$directory"/flowship-v* "$directory/SHA256SUMS"
