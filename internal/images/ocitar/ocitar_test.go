package ocitar

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(4096, 3)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestOpenReadsBothForms(t *testing.T) {
	img := randomImage(t)
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	for form, write := range map[string]func(path string) error{
		"what Write writes": func(path string) error { return Write(path, "docker.io/library/a:1", img, map[string]string{"k": "v"}) },
		"docker save": func(path string) error {
			tag, err := name.NewTag("a:1")
			if err != nil {
				return err
			}
			return tarball.WriteToFile(path, tag, img)
		},
	} {
		t.Run(form, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image.tar")
			if err := write(path); err != nil {
				t.Fatal(err)
			}
			a, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if len(a.Entries) != 1 || !strings.HasSuffix(a.Entries[0].Ref, "/library/a:1") {
				t.Fatalf("entries: %+v", a.Entries)
			}
			got, err := a.Entries[0].Image.ConfigName()
			if err != nil || got != config {
				t.Errorf("config %s, %v; want %s", got, err, config)
			}
			if err := validate.Image(a.Entries[0].Image); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	write := func(t *testing.T, members map[string]string) string {
		path := filepath.Join(t.TempDir(), "x.tar")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := tar.NewWriter(f)
		for n, text := range members {
			if err := writeMember(w, n, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		members map[string]string
		want    string
	}{
		"some other tar":              {map[string]string{"README": "hello"}, "neither an OCI image archive"},
		"an index that is no JSON":    {map[string]string{"index.json": "{"}, "index.json"},
		"an index without images":     {map[string]string{"index.json": `{"schemaVersion":2,"manifests":[]}`}, "names no image"},
		"an index whose blob is gone": {map[string]string{"index.json": `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`}, "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, c.members))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	gz := filepath.Join(t.TempDir(), "x.tar.gz")
	if err := os.WriteFile(gz, []byte("\x1f\x8b"+strings.Repeat("x", 1024)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(gz); err == nil || !strings.Contains(err.Error(), "unpacked first") {
		t.Errorf("compressed: %v", err)
	}
}

func TestLayerKnowsItsDigests(t *testing.T) {
	w, err := NewLayer(filepath.Join(t.TempDir(), "layer"))
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	if err := writeMember(tw, "file", []byte(strings.Repeat("text ", 1000))); err != nil {
		t.Fatal(err)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: layer, MediaType: types.OCILayerZStd})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := Write(path, "docker.io/library/a:1", img, nil); err != nil {
		t.Fatal(err)
	}
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stored, err := a.Entries[0].Image.LayerByDiffID(layer.diffID)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]struct {
		read func() (io.ReadCloser, error)
		want v1.Hash
	}{
		"compressed":          {layer.Compressed, layer.digest},
		"uncompressed":        {layer.Uncompressed, layer.diffID},
		"stored":              {stored.Compressed, layer.digest},
		"stored and unpacked": {stored.Uncompressed, layer.diffID},
	} {
		r, err := open.read()
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := v1.SHA256(r)
		if err != nil || got != open.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, open.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
