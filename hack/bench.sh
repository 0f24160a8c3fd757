#!/usr/bin/env bash
# Benchmarks: the engine and the store alone, then a local instance (root).
set -euo pipefail
cd "$(dirname "$0")/.."

echo "machine: $(nproc) cores, $(awk '/MemTotal/ {printf "%.0f GiB", $2/1048576}' /proc/meminfo), $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo)"
echo
echo "==> engine and store"
go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" ./internal/pipelines/engine ./internal/pipelines/sqlstore ./internal/pipelines/reconcile | grep -E '^(Benchmark|pkg)' | sed 's/^pkg: .*internal/internal/'
echo
echo "==> a local instance (about three minutes)"
go run ./test/bench
