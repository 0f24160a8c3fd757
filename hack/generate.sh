#!/usr/bin/env bash
# Deep copies and CRDs from the Go types in api/, by controller-gen.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

mkdir -p bin
(cd tools && go build -o "$root/bin/controller-gen" sigs.k8s.io/controller-tools/cmd/controller-gen)

# A version's package is named by what it generates: deep copies everywhere, the
# CRDs of a kind from all its versions together.
bin/controller-gen object paths=./api/...
bin/controller-gen crd paths=./api/... output:crd:dir=./manifests/crds
