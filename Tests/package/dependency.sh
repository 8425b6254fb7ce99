#!/usr/bin/env bash
# usage: Tests/package/dependency.sh    a Swift program uses this package by tag, branch and path, in debug and release
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -nE 's/^#define SV_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)$/\2/p' "$root"/Sources/CSwiftVis/include/swiftvis.h | paste -sd. -)
model=$root/examples/models/efficientnet_lite0.safetensors

# What a host would serve: a bare repository of the working tree, with a branch and a tag.
served() { git --git-dir="$work/served.git" --work-tree="$root" -c user.name=test -c user.email=test@example.invalid "$@"; }
git init -q --bare --initial-branch=main "$work/served.git"
served add --all
served commit -qm "the working tree"
served tag "$version"

# SwiftPM trusts a file URL as it does the user's own folders, so only git knows that this host is a folder.
url=https://example.invalid/swiftvis.git
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.$work/served.git.insteadOf GIT_CONFIG_VALUE_0=$url
git clone -q "$url" "$work/swiftvis"

# usage: build FOLDER CONFIGURATION REQUIREMENT    the program in FOLDER, whose manifest has REQUIREMENT
build() {
  local app=$work/$1
  mkdir -p "$app/Sources/Consumer"
  cp "$root/Tests/package/Consumer/main.swift" "$app/Sources/Consumer/"
  cat >"$app/Package.swift" <<END
// swift-tools-version: 5.9
import PackageDescription
let package = Package(
  name: "Consumer", dependencies: [.package($3)],
  targets: [.executableTarget(name: "Consumer", dependencies: [.product(name: "SwiftVis", package: "swiftvis")])])
END
  local folders=(--cache-path "$work/cache" --security-path "$work/security" --config-path "$work/config")
  if ! swift build -c "$2" --package-path "$app" "${folders[@]}" >"$app/log" 2>&1; then
    cat "$app/log"
    echo "a package that depends on swiftvis with '$3' does not build in $2"
    exit 1
  fi
  if grep -n 'warning:' "$app/log"; then
    echo "a package that depends on swiftvis with '$3' builds with warnings in $2"
    exit 1
  fi
}

# usage: run FOLDER CONFIGURATION HOW    the program answers with this version and the same map everywhere; prints its time
map=
run() {
  local version_there this
  read -r version_there this milliseconds <<<"$("$work/$1/.build/$2/Consumer" "$model")"
  map=${map:-$this}
  if [ "$version_there $this" != "$version $map" ]; then
    echo "by $3, $2: the program answered '$version_there $this', expected '$version $map'"
    exit 1
  fi
  echo "by $3, $2: $milliseconds ms for a map by EfficientNet-Lite0"
}

# Side by side, since a module is compiled by one processor in release.
for configuration in release debug; do
  build remote $configuration "url: \"$url\", from: \"$version\"" &
  build local $configuration 'path: "../swiftvis"'
  wait $!
done
run remote release tag
fast=$milliseconds
run local release path
run local debug path
run remote debug tag
# The kernels are optimized file by file, what is around them is not.
if ((milliseconds > 10 * fast)); then
  echo "the kernels are slow in a user's debug build"
  exit 1
fi
# In the tag's place, where everything is built already.
build remote debug "url: \"$url\", branch: \"main\""
run remote debug branch

if [ "$(uname -m)" = x86_64 ] && command -v objdump >/dev/null; then
  fused=$(objdump -d "$work/remote/.build/release/Consumer" | grep -c 'vfmadd.*%ymm')
  echo "$fused fused products of eight floats in the release build"
  ((fused > 100)) || exit 1
fi

# Without AVX2 and FMA an error is thrown, and no instruction is met that the processor does not know.
if [ "$(uname -m)" != x86_64 ]; then
  echo "not x86-64: every processor has what the kernels need"
elif command -v qemu-x86_64 >/dev/null; then
  answer=$(qemu-x86_64 -cpu Nehalem "$work/remote/.build/release/Consumer" "$model")
  echo "on a Nehalem: $answer"
  [[ $answer == "thrown: this processor lacks AVX2"* ]] || exit 1
else
  echo "skipped: no qemu-x86_64 to be an older processor (Debian: apt install qemu-user)"
fi

# SwiftPM refuses a tagged package with unsafe flags if that is written for tools older than 6.2, as every older SwiftPM
# would: Package.swift must not go below.
cd "$work/swiftvis"
sed -i.original 's|^// swift-tools-version: .*|// swift-tools-version: 6.1|' Package.swift
git -c user.name=test -c user.email=test@example.invalid commit -qam "older tools"
git tag 1000.0.0
git push -q "$work/served.git" 1000.0.0
if (build refused debug "url: \"$url\", exact: \"1000.0.0\"") >"$work/answer" || ! grep -q "unsafe build flags" "$work/answer"; then
  cat "$work/answer"
  echo "expected SwiftPM to refuse the flags of a package for tools 6.1"
  exit 1
fi
echo "for tools 6.1 it would be refused"
