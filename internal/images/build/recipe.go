// Package build makes container images on the host where no registry can be
// reached: a Debian root file system by mmdebstrap, and layers of Python packages
// by the image's own pip. Results are OCI tars in a cache, found again by the
// recipe's hash. It knows no registry.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Labels on every image that is built here.
const (
	// LabelOrigin is "built".
	LabelOrigin = "dev.slipway.image.origin"
	// LabelSource says from what, in words.
	LabelSource = "dev.slipway.image.source"
	// LabelStandIn names the upstream image that this one replaces.
	LabelStandIn = "dev.slipway.image.stand-in-for"
)

// KFPVersion is the SDK in the examples image; `make demo` compiles with the same.
const KFPVersion = "2.17.3"

// Recipe says what an image is made of. Its JSON is what the cache key is made of.
type Recipe struct {
	// Ref is the image's full name.
	Ref string
	// Revision changes when the way of building does.
	Revision int
	// Suite and Packages: a Debian release and what is installed beside apt.
	Suite    string
	Packages []string
	// BusyBox makes an image of the static busybox alone, out of that package.
	BusyBox bool
	// Base is the digest of the image under a Pip layer.
	Base string
	Pip  []string
	// Links are symbolic links to add: path -> target.
	Links map[string]string
	Env   []string
	Cmd   []string
	// StandInFor and Title are told to people.
	StandInFor string
	Title      string
}

// Epoch is the time of every file that is younger (SOURCE_DATE_EPOCH):
// 2026-01-01T00:00:00Z.
var Epoch = time.Unix(1767225600, 0).UTC()

var binPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Python is the stand-in for docker.io/library/python:3.11. Debian 12 is the
// release whose python3 is 3.11.
func Python() Recipe {
	return Recipe{
		Ref: "docker.io/library/python:3.11", Revision: 3, Suite: "bookworm",
		Packages: []string{"python3", "python3-pip", "python3-venv", "ca-certificates"},
		// Where the official image has them.
		Links: map[string]string{
			"usr/bin/python":        "python3",
			"usr/local/bin/python":  "/usr/bin/python3",
			"usr/local/bin/python3": "/usr/bin/python3",
			"usr/local/bin/pip":     "/usr/bin/pip",
		},
		Env:        []string{binPath, "LANG=C.UTF-8", "PIP_ROOT_USER_ACTION=ignore"},
		Cmd:        []string{"python3"},
		StandInFor: "docker.io/library/python:3.11",
		Title:      "Python 3.11 with pip and venv, without compilers",
	}
}

// Examples is slipway.dev/examples:1, a layer upon the Python image with that digest.
func Examples(base string) Recipe {
	return Recipe{
		Ref: "slipway.dev/examples:1", Revision: 2, Base: base,
		Pip:   []string{"scikit-learn", "pandas", "kfp==" + KFPVersion},
		Cmd:   []string{"python3"},
		Title: "Python 3.11 with scikit-learn, pandas and kfp " + KFPVersion,
	}
}

// BusyBox is a stand-in for small shell images: Debian's static busybox.
func BusyBox(ref string) Recipe {
	return Recipe{
		Ref: ref, Revision: 3, Suite: "bookworm", Packages: []string{"busybox-static"}, BusyBox: true,
		Env: []string{binPath}, Cmd: []string{"sh"},
		StandInFor: ref, Title: "busybox (stand-in)",
	}
}

// Key identifies a recipe's result in the cache.
func (r Recipe) Key() string {
	raw, err := json.Marshal(struct {
		Recipe
		Epoch int64
		Arch  string
	}{r, Epoch.Unix(), runtime.GOARCH})
	if err != nil {
		return "" // a struct of strings always encodes
	}
	sum := sha256.Sum256(raw)
	return short(r.Ref) + "-" + hex.EncodeToString(sum[:8])
}

// short is a ref's last path element without the tag: a readable part of file names.
func short(ref string) string {
	r, err := name.ParseReference(ref)
	if err != nil {
		return "image"
	}
	repo := r.Context().RepositoryStr()
	for i := len(repo) - 1; i >= 0; i-- {
		if repo[i] == '/' {
			return repo[i+1:]
		}
	}
	return repo
}
