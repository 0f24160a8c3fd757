#!/usr/bin/env bash
# Runs golangci-lint, built once from tools/ and kept under the cache by the
# hash of its module files.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${SLIPWAY_CACHE:-$HOME/.cache/slipway}/tools/$(cat tools/lint/go.mod tools/lint/go.sum | sha256sum | cut -c1-16)
lint=$cache/golangci-lint
if [ ! -x "$lint" ]; then
  mkdir -p "$cache"
  (cd tools/lint && CGO_ENABLED=0 go build -o "$lint.$$" github.com/golangci/golangci-lint/v2/cmd/golangci-lint && mv "$lint.$$" "$lint")
fi
exec "$lint" run "$@"
