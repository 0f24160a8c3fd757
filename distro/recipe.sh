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
