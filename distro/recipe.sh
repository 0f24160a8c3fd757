# What a group's recipe may use. A recipe sets `about` and `takes` (a rough time) and defines build(), which runs in the group's folder and puts
# its programs into $out.

# version MODULE: as go.mod selects it, for example v1.37.2.
version() { go list -m -f '{{.Version}}' "$1"; }

# note PROGRAM VERSION LICENCE MODULE: a line for VERSIONS and LICENSES.md.
note() { echo "$*" >>"$out/notes"; }

# compile OUTPUT PACKAGE [LDFLAGS] [TAGS]: a static, stripped program without cgo.
compile() {
  CGO_ENABLED=0 nice -n 5 go build -p 2 -trimpath -tags "${4-}" -ldflags "-s -w ${3-}" -o "$out/$1" "$2"
}

# licences: the texts of every module in $out's programs, each text once below the modules that are under it.
licences() {
  local cache module path text list
  cache=$(go env GOMODCACHE)
  list=$(mktemp -d)
  find "$out" -type f -perm -100 -exec go version -m {} + | awk '
    $1 == "dep" { if (held) print held; held = $2 "@" $3 }
    $1 == "=>" { held = $2 "@" $3 }
    END { print held }' | LC_ALL=C sort -u | while read -r module; do
    path=$cache/$(sed 's/[A-Z]/!\L&/g' <<<"$module")
    for text in "$path"/{LICENSE,LICENCE,COPYING,NOTICE,License,license}*; do
      [ -f "$text" ] && { sha256sum <"$text" | cut -c1-16 | { read -r id; echo "$module" >>"$list/$id.modules"; cp -f "$text" "$list/$id.text"; }; }
    done || true
  done
  for text in "$list"/*.text; do
    [ -e "$text" ] || continue
    cat "${text%.text}.modules"; echo; cat "$text"; printf '\n%s\n\n' ----------------------------------------
  done >"$out/licences"
  rm -rf "$list"
}
