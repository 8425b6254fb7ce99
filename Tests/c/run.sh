#!/usr/bin/env bash
# usage: Tests/c/run.sh FOLDER    runs the C test programs, as C and as C++, with the libswiftvis in FOLDER
set -euo pipefail
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags=(-Wall -Wextra -Werror -O1 -I "$here/../../Sources/CSwiftVis/include")
libraries=(-L "$folder" -lswiftvis -Wl,-rpath,"$folder" -lm -pthread)
for test in test_abi test_methods test_optimization test_session test_process; do
  "${CC:-cc}" -std=c11 -D_GNU_SOURCE "${flags[@]}" "$here/$test.c" -o "$work/$test-c" "${libraries[@]}"
  programs=("$test-c")
  if command -v "${CXX:-c++}" >/dev/null; then
    "${CXX:-c++}" -std=c++11 -x c++ "${flags[@]}" "$here/$test.c" -o "$work/$test-cpp" "${libraries[@]}"
    programs+=("$test-cpp")
  else
    echo "no C++ compiler: the header is tested as C only"
  fi
  for program in "${programs[@]}"; do
    echo -n "$program: "
    "$work/$program"
  done
done
