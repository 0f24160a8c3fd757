#!/usr/bin/env bash
# Prints the path of a Python that has the official kfp SDK, in a virtual
# environment that is made on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=examples/requirements.txt
venv=${SLIPWAY_CACHE:-$HOME/.cache/slipway}/venv/$(sha256sum "$requirements" | cut -c1-16)
if [ ! -e "$venv/.complete" ]; then
  echo "==> the official kfp SDK, in a virtual environment (about a minute)" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  touch "$venv/.complete"
fi
echo "$venv/bin/python"
