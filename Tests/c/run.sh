#!/usr/bin/env bash
# usage: Tests/c/run.sh FOLDER    builds the C test program against the libswiftvis in FOLDER, as C and as C++, and runs it
set -euo pipefail
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../Sources/CSwiftVis/include
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags=(-Wall -Wextra -Werror -O1 -I "$include")
libraries=(-L "$folder" -lswiftvis -Wl,-rpath,"$folder" -lm -pthread)
"${CC:-cc}" -std=c11 -D_GNU_SOURCE "${flags[@]}" "$here/test_abi.c" -o "$work/test_c" "${libraries[@]}"
"${CXX:-c++}" -std=c++11 -x c++ "${flags[@]}" "$here/test_abi.c" -o "$work/test_cpp" "${libraries[@]}"
"$work/test_c"
"$work/test_cpp"
