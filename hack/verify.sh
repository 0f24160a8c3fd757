#!/usr/bin/env bash
# Format, lint, import arrows, generated files up to date, cross-builds.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '==> %s\n' "$1"; }

before=$(git status --porcelain)

step "gofmt"
unformatted=$(git ls-files -- '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted (run gofmt -w)" >&2; exit 1; }

step "go vet"
go vet ./...
go vet -tags e2e ./test/...

step "golangci-lint (built from the tools module on first use, about 4 minutes)"
hack/lint.sh

step "import arrows and dependency lists"
go test -count=1 ./test/arch/

step "generated files"
hack/generate.sh

step "the command line on macOS and Windows"
GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -o /dev/null ./cmd/slipway
GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -o /dev/null ./cmd/slipway

after=$(git status --porcelain)
if [ "$before" != "$after" ]; then
  echo "make verify changed the tree; commit what the generators wrote:" >&2
  git status --short >&2
  exit 1
fi
if [ -n "${CI:-}" ] && [ -n "$after" ]; then
  echo "the tree is not clean:" >&2
  git status --short >&2
  exit 1
fi
echo "verify: ok"
