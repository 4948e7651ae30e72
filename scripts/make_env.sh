#!/bin/sh
# Build the virtual environment: with uv where it is there, else with venv and pip.
set -eu
venv=$1
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "biobraid needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2
  exit 2
}
rm -rf "$venv"
if command -v uv >/dev/null 2>&1; then
  echo "Building $venv with uv ..."
  uv venv --quiet --python "$python" "$venv"
  uv pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r constraints.txt
  uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
  echo "Building $venv with venv and pip (a few minutes) ..."
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
touch "$venv/.complete"
