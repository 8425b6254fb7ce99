#!/usr/bin/env bash
# usage: Tests/package/examples.sh PYTHON LIBRARIES    the Swift and the C example draw what Python draws
#
# PYTHON has swiftvis installed, LIBRARIES is the folder of libswiftvis.
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
libraries=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."
work=$PWD/build/examples
mkdir -p "$work"
photo=examples/images/coffee.png
given=(examples/models/efficientnet_lite0.safetensors "$photo")

if ! echo '#include <png.h>' | "${CC:-cc}" -E - >/dev/null 2>&1; then
  echo "skipped: no libpng here, with which the examples read pictures (Debian: apt install libpng-dev)"
  exit
fi

# As a user types it, but for the folder, which keeps what was built.
swift=(swift build -c release --package-path examples/swift --scratch-path "$work/swift")
if ! "${swift[@]}" >"$work/log" 2>&1 || grep -q 'warning:' "$work/log"; then
  cat "$work/log"
  echo "examples/swift does not build, or not without warnings"
  exit 1
fi
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -I Sources/CSwiftVis/include examples/c/explain.c -o "$work/explain" \
  -L "$libraries" -Wl,-rpath,"$libraries" -lswiftvis -lpng -lm

"$work/swift/release/Explain" "${given[@]}" "$work/swift.png" >"$work/swift.txt"
"$work/explain" "${given[@]}" "$work/c.png" >"$work/c.txt"
"$python" Tests/package/overlays.py "${given[@]}" "$work"/{swift,c}

# usage: refused WHAT WORDS ARGUMENT...    both programs say WORDS and end with 2
refused() {
  local what=$1 words=$2 program status answer
  shift 2
  for program in "$work/swift/release/Explain" "$work/explain"; do
    status=0
    answer=$("$program" "$@" 2>&1) || status=$?
    if [ $status != 2 ] || [[ $answer != *"$words"* ]]; then
      echo "$(basename "$program") with $what ended with $status: '$answer', expected 2 and '$words'"
      exit 1
    fi
  done
}
refused "no arguments" "usage:"
refused "a missing model" "none.safetensors" none.safetensors "$photo" "$work/no.png"
refused "a missing photo" "none.png" "${given[0]}" none.png "$work/no.png"
refused "a text as photo" "README.md" "${given[0]}" examples/README.md "$work/no.png"
refused "a class beyond the last" "1000" "${given[@]}" "$work/no.png" 1000
refused "a class that is no number" "espresso" "${given[@]}" "$work/no.png" espresso
refused "a folder that is not there" "none/no.png" "${given[@]}" "$work/none/no.png"
echo "wrong arguments are refused by both"
