package data

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestKeysThatAreNoPlainPathsAreRefused(t *testing.T) {
	for key, fine := range map[string]bool{
		"a": true, "a/b.csv": true, "v2/artifacts/x/": true, ".slipway/runs/x/log": true,
		"": false, "../x": false, "a/../../x": false, "/etc/passwd": false, "a//b": false, "./a": false, "a\x00b": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetPathValue("key", key)
		if _, err := keyOf(r); (err == nil) != fine {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestThePlatformsOwnObjectsAreNotWritten(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "/", nil)
	r.SetPathValue("key", ".slipway/runs/r/t/1/outcome.json")
	if _, err := writable(r); err == nil {
		t.Error("an outcome can be forged through the data API")
	}
}
