package local

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/config"
)

func TestCompleteFillsDefaults(t *testing.T) {
	got, err := Complete(config.Config{}, "/opt/slipway/bin/slipway")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Local{Name: "slipway", DataDir: "/var/lib/slipway/slipway", DistroDir: "/opt/slipway/bin/distro", Console: "127.0.0.1:8080"}
	if diff := cmp.Diff(want, got.Local); diff != "" {
		t.Error(diff)
	}
}

func TestCompleteRefuses(t *testing.T) {
	cases := map[string]struct {
		local config.Local
		want  string
	}{
		"a long name":          {config.Local{Name: "elevenchars"}, "local.name"},
		"a name with capitals": {config.Local{Name: "Mine"}, "local.name"},
		"a relative folder":    {config.Local{DataDir: "data"}, "local.dataDir"},
		"a console by name":    {config.Local{Console: "localhost:8080"}, "local.console"},
		"a console sans port":  {config.Local{Console: "127.0.0.1"}, "local.console"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Complete(config.Config{Local: c.local}, "/x/slipway"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConsoleURL(t *testing.T) {
	for console, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "0.0.0.0:443": "https://localhost:443", "192.0.2.7:8443": "https://192.0.2.7:8443", "[::1]:80": "http://[::1]:80",
	} {
		if got := consoleURL(console); got != want {
			t.Errorf("%s: got %s, want %s", console, got, want)
		}
	}
}
