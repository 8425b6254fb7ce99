#!/usr/bin/env bash
# usage: Tests/package/wheel.sh WHEEL    the wheel works in clean environments of every Python here, and without Swift
set -euo pipefail
wheel=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=(test_package.py test_cli.py test_fixtures.py test_input_forms.py)

size=$(stat -c %s "$wheel" 2>/dev/null || stat -f %z "$wheel")
echo "$(basename "$wheel"): $((size / 1024)) KiB"
if ((size > 8 << 20)); then
  echo "the wheel is larger than 8 MiB"
  exit 1
fi

# usage: try NAME PYTHON [OPTION...]    the demo and some tests in an environment of PYTHON
try() {
  local name=$1 python=$2 environment=$work/$1
  shift 2
  "$python" -m venv "$environment" "${options[@]}"
  "$environment/bin/pip" install -q --prefer-binary "$wheel" "pytest>=7.4" "$@"
  # Neither PATH nor the loader's variables lead to a toolchain.
  local bare=(env -i PATH=/usr/bin:/bin HOME="$work" LC_ALL=C.UTF-8)
  if "${bare[@]}" sh -c 'command -v swift' >/dev/null; then
    echo "$name: Swift is in /usr/bin, so this run proves nothing about its absence"
  fi
  cd "$root"
  "${bare[@]}" "$environment/bin/python" -I Tests/package/loaded.py "${numpy_from:-$environment}"
  "${bare[@]}" "$environment/bin/swiftvis" explain examples/images/coffee.png \
    --model examples/models/efficientnet_lite0.safetensors --out "$work/$name.png"
  "${bare[@]}" "$environment/bin/python" -m pytest -p no:cacheprovider "${tests[@]/#/Tests/python/}"
  rm -rf "$environment"
}

# A working interpreter of a version: pyenv's are preferred, whose shims on PATH may name what is not installed.
interpreter() {
  local candidate
  for candidate in ~/.pyenv/versions/"$1".*/bin/"python$1" "$(command -v "python$1")"; do
    if "$candidate" -c 'import ensurepip' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

options=() numpy_from=
for version in 3.10 3.11 3.12 3.13; do
  python=$(interpreter "$version")
  if [ -z "$python" ]; then
    echo "skipped: no Python $version here"
    continue
  fi
  oldest=()
  if [ "$version" = 3.10 ]; then oldest=("numpy==1.24.*"); fi
  echo "Python $version:"
  try "$version" "$python" "${oldest[@]}"
done

# A distribution's own Python, which brings its own NumPy.
if ! /usr/bin/python3 -c 'import numpy, ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "skipped: no /usr/bin/python3 with NumPy and venv here (Debian: apt install python3-numpy python3-venv)"
else
  echo "The system's Python, with its NumPy:"
  options=(--system-site-packages)
  numpy_from=/usr/lib
  try system /usr/bin/python3
fi
