#!/usr/bin/env bash
# A tarball with every program, for machines without Go or a compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
name=slipway-$version-linux-$(go env GOARCH)
mkdir -p dist
staging=$(mktemp -d dist/.staging-XXXXXX)
trap 'rm -rf "$staging"' EXIT
mkdir "$staging/$name"
cp bin/slipway bin/slipway-agent LICENSE README.md "$staging/$name/"
cp -rL bin/distro "$staging/$name/distro"
tar -C "$staging" -czf "dist/$name.tar.gz" "$name"
echo "dist/$name.tar.gz ($(du -h "dist/$name.tar.gz" | cut -f1)): unpack it and run ./slipway up as root"
