#!/usr/bin/env bash
# original_environment.sh FOLDER: an environment for the original keras-vis in FOLDER, which stays empty without Python 3.6.
set -euo pipefail
mkdir -p "$1"
for python in ${PYTHON36:-} python3.6 "$HOME"/.pyenv/versions/3.6.*/bin/python; do
  if "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 6))' 2>/dev/null; then
    "$python" -m venv "$1"
    "$1/bin/pip" install -q --upgrade "pip<22"
    "$1/bin/pip" install -q -r "$(dirname "$0")/original-requirements.txt"
    exit
  fi
done
