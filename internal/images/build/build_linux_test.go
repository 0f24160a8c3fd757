package build

import (
	"os"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// TestBuildForReal makes the images of this package in the cache named by
// SLIPWAY_TEST_IMAGES: minutes, root, and the network.
func TestBuildForReal(t *testing.T) {
	cache := os.Getenv("SLIPWAY_TEST_IMAGES")
	if cache == "" {
		t.Skip("SLIPWAY_TEST_IMAGES names no cache folder")
	}
	start := time.Now()
	b := &Builder{Cache: cache, Clock: time.Now, Progress: func(s string) { t.Logf("%5.1fs %s", time.Since(start).Seconds(), s) }}
	if p, err := b.Build(t.Context(), BusyBox("docker.io/library/busybox:latest"), nil); err != nil {
		t.Fatal(err)
	} else {
		t.Log(p)
	}
	python, err := b.Build(t.Context(), Python(), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ocitar.Open(python)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	digest, err := a.Entries[0].Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Build(t.Context(), Examples(digest.String()), a.Entries[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p)
}
