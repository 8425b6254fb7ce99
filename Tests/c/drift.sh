#!/usr/bin/env bash
# usage: Tests/c/drift.sh LIBRARY    the functions of swiftvis.h are exactly what the library exports
set -euo pipefail
header=$(dirname "$0")/../../Sources/CSwiftVis/include/swiftvis.h

without_comments=$(sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' "$header")
declared=$(echo "$without_comments" | grep -oE '^[a-z].*\bsv_[a-z_]+\(' | grep -oE 'sv_[a-z_]+\($' | tr -d '(' | sort)
case $(uname) in
  Darwin) exported=$(nm -gU "$1" | awk '{print $3}' | sed 's/^_//' | sort) ;;
  *) exported=$(nm -D --defined-only "$1" | awk '{print $3}' | sort) ;;
esac

if [ "$declared" != "$exported" ]; then
  echo "swiftvis.h (<) and the symbols of $1 (>) differ:"
  diff <(echo "$declared") <(echo "$exported") || true
  exit 1
fi
echo "$(echo "$declared" | wc -l | tr -d ' ') functions: header and library agree"
