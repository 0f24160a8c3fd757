#!/usr/bin/env bash
# make demo: a local instance, and a model trained on it through the official SDK.
# Interrupted anywhere and started again, it carries on.
set -euo pipefail
cd "$(dirname "$0")/.."

sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "starting a local instance needs root: run make demo as root" >&2; exit 1; }
  sudo="sudo --preserve-env=SLIPWAY_CACHE"
fi

python=$(hack/venv.sh)

echo "==> slipway up"
$sudo bin/slipway up
echo "==> images for Python steps (built from Debian packages where no registry answers: about two minutes, once)"
$sudo bin/slipway image ensure

host=$($sudo bin/slipway status -o json | "$python" -c 'import json,sys; print(json.load(sys.stdin)["url"])')
token=$(mktemp)
trap 'rm -f "$token"' EXIT
$sudo cat /var/lib/slipway/slipway/admin.token >"$token"

echo "==> examples/breast_cancer through kfp.Client at $host"
"$python" examples/breast_cancer/demo.py --host "$host" --token-file "$token" --command "${sudo:+sudo }bin/slipway"
