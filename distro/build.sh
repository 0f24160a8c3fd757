#!/usr/bin/env bash
# Builds the bundled upstream programs from Go modules into
#   ${SLIPWAY_CACHE:-~/.cache/slipway}/distro/<hash of this folder>/
# and points bin/distro at it. Each group (a folder here with a `recipe`) is
# built once for its own content and hard-linked into the whole, so a change
# in one group rebuilds that one. Nothing is built when nothing has changed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${SLIPWAY_CACHE:-$HOME/.cache/slipway}/distro
groups=(kube containerd runc cni coredns s3 registry netpol volumes pause)
export GOFLAGS="-buildvcs=false -mod=readonly" GOWORK=off GOTOOLCHAIN=local
. "$here/recipe.sh"

# fingerprint PATH...: one hash over names, modes and content, and the Go version that compiles them.
fingerprint() {
  (cd "$here" && { go env GOVERSION GOARCH; find "$@" -type f -printf '%p %m ' -exec sha256sum {} + | LC_ALL=C sort; }) | sha256sum | cut -c1-16
}

link() {
  mkdir -p "$root/bin"
  [ -L "$root/bin/distro" ] || rm -rf "$root/bin/distro"
  ln -sfn "$cache/$1" "$root/bin/distro.new" && mv -T "$root/bin/distro.new" "$root/bin/distro"
}

# build_group NAME: leaves $cache/groups/NAME-<hash> and prints that path on descriptor 3.
build_group() {
  local name=$1 done started out
  done=$cache/groups/$name-$(fingerprint "$name" recipe.sh)
  if [ ! -d "$done" ]; then
    out=$(mktemp -d "$cache/tmp.XXXXXX")
    started=$SECONDS
    . "$here/$name/recipe"
    echo "==> $name: $about (first time about $takes on 2 cores)"
    (cd "$here/$name"; build; licences)
    chmod 755 "$out"
    mv -T "$out" "$done"
    echo "    $name: $((SECONDS - started)) s, $(du -sh "$done" | cut -f1)"
  fi
  echo "$done" >&3
}

main() {
  local hash out parts started=$SECONDS
  command -v go >/dev/null || { echo "distro/build.sh needs Go ($(sed -n 's/^go //p' "$here/kube/go.mod") or later) in PATH" >&2; exit 1; }
  hash=$(fingerprint .)
  if [ -d "$cache/$hash" ]; then
    link "$hash"
    echo "==> distro: unchanged ($hash)"
    return
  fi
  mkdir -p "$cache/groups"
  exec 9>"$cache/lock"
  flock -n 9 || { echo "==> distro: waiting for another build"; flock 9; }
  rm -rf "$cache"/tmp.* # ours by the lock: what an interrupted build left
  if [ ! -d "$cache/$hash" ]; then
    install_packages
    parts=$cache/tmp.parts
    exec 3>"$parts"
    for group in "${groups[@]}"; do build_group "$group"; done
    exec 3>&-
    out=$(mktemp -d "$cache/tmp.XXXXXX")
    assemble "$out" $(<"$parts")
    chmod 755 "$out"
    mv -T "$out" "$cache/$hash"
    rm -f "$parts"
  fi
  link "$hash"
  echo "==> distro: $(du -shD "$root/bin/distro" | cut -f1) in bin/distro, $((SECONDS - started)) s"
}

# assemble OUT GROUP...: the groups as one folder of hard links; their notes as VERSIONS, LICENSES.md and LICENSES.txt.
assemble() {
  local out=$1 part
  shift
  for part in "$@"; do cp -al "$part"/. "$out/"; rm -f "$out/notes" "$out/licences"; done
  for part in "$@"; do cat "$part/notes"; done | awk '{print $1, $2}' >"$out/VERSIONS"
  {
    echo "# What is bundled here"
    echo
    echo "Built from unmodified upstream sources, fetched as Go modules. LICENSES.txt has the licences' texts, those of all"
    echo "modules linked in included (\`go version -m PROGRAM\` lists them). The Go runtime in each is BSD-3-Clause."
    echo
    echo "| program | version | licence | module |"
    echo "| --- | --- | --- | --- |"
    for part in "$@"; do cat "$part/notes"; done | awk '{printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4}'
  } >"$out/LICENSES.md"
  for part in "$@"; do cat "$part/licences"; done >"$out/LICENSES.txt"
}

install_packages() {
  local missing=()
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  command -v gcc >/dev/null || missing+=(gcc libc6-dev)
  [ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev)
  [ ${#missing[@]} -eq 0 ] && return
  echo "==> installing ${missing[*]} (Debian packages; runc is linked against libseccomp)"
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || { echo "please install them: ${missing[*]}" >&2; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

main "$@"
