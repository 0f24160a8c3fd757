package layout_test

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/local/layout"
)

func TestMayOpen(t *testing.T) {
	cases := map[string]struct {
		found layout.Version
		want  string // part of the error; "" for none
	}{
		"a new folder":            {layout.Version{}, ""},
		"the same version":        {layout.Version{Format: 1, Kubernetes: "v1.37.2"}, ""},
		"one minor up":            {layout.Version{Format: 1, Kubernetes: "v1.36.9"}, ""},
		"two minors up":           {layout.Version{Format: 1, Kubernetes: "v1.35.0"}, "one minor version at a time"},
		"down":                    {layout.Version{Format: 1, Kubernetes: "v1.38.0"}, "cannot go back"},
		"a newer format":          {layout.Version{Format: 2, Kubernetes: "v1.37.2"}, "format 2"},
		"an unreadable version":   {layout.Version{Format: 1, Kubernetes: "new"}, `"new" is not`},
		"a patch version is free": {layout.Version{Format: 1, Kubernetes: "v1.37.9"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.found.MayOpen("v1.37.2")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestVersionFile(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	if v, err := dir.ReadVersion(); err != nil || v != (layout.Version{}) {
		t.Errorf("fresh folder: %v, %v", v, err)
	}
	if err := dir.WriteVersion("v1.37.2"); err != nil {
		t.Fatal(err)
	}
	if v, err := dir.ReadVersion(); err != nil || v != (layout.Version{Format: layout.Format, Kubernetes: "v1.37.2"}) {
		t.Errorf("written: %v, %v", v, err)
	}
	if err := os.WriteFile(dir.Path("VERSION"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.ReadVersion(); err == nil || !strings.Contains(err.Error(), dir.Path("VERSION")) {
		t.Errorf("a corrupted file is not named: %v", err)
	}
}
