#!/usr/bin/env bash
# usage: Tests/package/release.sh    this commit may be released: its tag, swiftvis.h and CHANGELOG.md name one version
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -nE 's/^#define SV_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)$/\2/p' Sources/CSwiftVis/include/swiftvis.h | paste -sd. -)

tag=$(git describe --exact-match --tags 2>/dev/null || true)
if [ "$tag" != "$version" ]; then
  echo "the header says $version, but this commit has ${tag:+the tag }${tag:-no tag}: git tag -a $version"
  exit 1
fi
if ! grep -qE "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md; then
  echo "CHANGELOG.md has no section '## [$version] - YYYY-MM-DD'"
  exit 1
fi
if [ -n "$(git status --porcelain)" ]; then
  echo "there are uncommitted changes:"
  git status --short
  exit 1
fi
echo "$version: header, tag and changelog agree"
