package httpapi_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
)

// TestTheOfficialClientWorks runs testdata/client.py with the Python that
// SLIPWAY_PYTHON names, which must have the kfp package.
func TestTheOfficialClientWorks(t *testing.T) {
	python := os.Getenv("SLIPWAY_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import kfp").Run(); err != nil {
		t.Skipf("%s cannot import kfp: set SLIPWAY_PYTHON to a Python with `pip install kfp`", python)
	}
	server := httptest.NewServer(newWorld(t).handler)
	defer server.Close()
	script := exec.CommandContext(t.Context(), python, "testdata/client.py")
	script.Env = append(os.Environ(), "SLIPWAY_TEST_HOST="+server.URL, "HOME="+t.TempDir(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := script.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
