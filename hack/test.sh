#!/usr/bin/env bash
# All tests, fast ones first. Everything that they need is set up here.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n==> %s\n' "$1"; }

export SLIPWAY_CACHE=${SLIPWAY_CACHE:-$HOME/.cache/slipway}
SLIPWAY_PYTHON=$(hack/venv.sh)
export SLIPWAY_PYTHON

step "units, and controllers against a real API server"
CGO_ENABLED=1 go test -race -shuffle=on -timeout 15m ./...

step "the bundled programs of our own"
for module in netpol volumes; do
  (cd distro/$module && go test ./...)
done

if [ "$(id -u)" != 0 ]; then
  echo "end-to-end tests: SKIPPED, they start a local instance and so need root" >&2
  exit 0
fi
step "end to end: instances of their own, real pods, the official SDK (about 15 minutes)"
go test -p 1 -tags e2e -count=1 -timeout 30m -parallel 4 ./test/e2e/...
