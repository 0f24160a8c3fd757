package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFilterKeepsWhatAnImageNeeds(t *testing.T) {
	late := Epoch.Add(time.Hour)
	early := Epoch.Add(-time.Hour)
	var in bytes.Buffer
	w := tar.NewWriter(&in)
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: late},
		{Name: "./dev/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: late},
		{Name: "./dev/null", Typeflag: tar.TypeChar, ModTime: late},
		{Name: "./etc/hostname", ModTime: late},
		{Name: "./etc/passwd", ModTime: late},
		{Name: "./etc/passwd-", ModTime: late},
		{Name: "./usr/share/doc/", Typeflag: tar.TypeDir, ModTime: early},
		{Name: "./usr/share/doc/a/", Typeflag: tar.TypeDir, ModTime: early},
		{Name: "./usr/share/doc/a/copyright", ModTime: early},
		{Name: "./usr/share/doc/a/changelog.gz", ModTime: early},
		{Name: "./usr/share/doc/a/examples/copyright", ModTime: early},
		{Name: "./usr/share/locale/de", ModTime: early},
		{Name: "./usr/lib/python3.11/EXTERNALLY-MANAGED", ModTime: early},
		{Name: "./usr/lib/python3.11/os.py", ModTime: early},
		{Name: "./usr/bin/pip", ModTime: early, Uname: "root"},
		{Name: "./usr/bin/pip3", Typeflag: tar.TypeLink, Linkname: "./usr/bin/pip", ModTime: early},
		{Name: "./var/lib/apt/lists/partial", ModTime: early},
		{Name: "./var/log/dpkg.log", ModTime: early},
	} {
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	status := "Package: python3\nStatus: install ok installed\nVersion: 3.11.2-1\n\nPackage: other\nVersion: 1\n"
	if err := w.WriteHeader(&tar.Header{Name: "./var/lib/dpkg/status", Size: int64(len(status)), ModTime: late}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, status); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := newFilter(Recipe{Packages: []string{"python3"}, Links: map[string]string{"usr/bin/python": "python3"}})
	var out bytes.Buffer
	if err := f.run(&in, &out); err != nil {
		t.Fatal(err)
	}
	if got := f.versions(); got != "python3 3.11.2-1" {
		t.Errorf("versions: %q", got)
	}
	want := []string{
		"dev/", "etc/passwd", "usr/share/doc/", "usr/share/doc/a/", "usr/share/doc/a/copyright",
		"usr/lib/python3.11/os.py", "usr/bin/pip", "usr/bin/pip3 -> usr/bin/pip", "var/lib/dpkg/status", "usr/bin/python -> python3",
	}
	var got []string
	r := tar.NewReader(&out)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		line := h.Name
		if h.Linkname != "" {
			line += " -> " + h.Linkname
		}
		got = append(got, line)
		if h.ModTime.After(Epoch) || h.Uname != "" {
			t.Errorf("%s: %s of %q", h.Name, h.ModTime, h.Uname)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHostMirrorsAreHonoured(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"sources.list":                  "# deb http://old.example/debian bookworm main\ndeb [arch=amd64 signed-by=/k] https://user:secret@mirror.example/debian/ trixie main\ndeb http://mirror.example/debian-security trixie-security main\n",
		"sources.list.d/debian.sources": "Types: deb\nURIs: http://two.example/debian\nSuites: trixie\n",
		"sources.list.d/off.disabled":   "deb http://never.example/debian x main\n",
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, u := range hostMirrors(dir) {
		got = append(got, u.String())
	}
	want := []string{"http://two.example/debian", "http://mirror.example/debian-security", "https://user:secret@mirror.example/debian"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if shown := redact(want[2]); strings.Contains(shown, "secret") {
		t.Errorf("the label would show %s", shown)
	}
}

func TestKeyChangesWithWhatIsBuilt(t *testing.T) {
	seen := map[string]string{}
	for name, r := range map[string]Recipe{
		"python": Python(), "examples": Examples("sha256:a"), "examples on another base": Examples("sha256:b"),
		"busybox": BusyBox("docker.io/library/busybox:latest"), "alpine": BusyBox("docker.io/library/alpine:latest"),
	} {
		if other, ok := seen[r.Key()]; ok {
			t.Errorf("%s and %s share the key %s", name, other, r.Key())
		}
		seen[r.Key()] = name
	}
}

func TestPinned(t *testing.T) {
	got := pinned("kfp-2.17.3 kfp-server-api-2.17.3 pandas-3.1.1", []string{"pandas", "kfp==2.17.3"})
	if got != "pandas 3.1.1, kfp 2.17.3" {
		t.Error(got)
	}
}
