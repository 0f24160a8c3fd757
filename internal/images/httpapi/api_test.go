package httpapi

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/login"
)

var platform = images.Credential{Username: "slipway", Password: "platform's own"}

// door is the API before a registry that knows the platform's credential alone.
// The password is the user's name; alice and bob have profiles of their names.
func door(t *testing.T) string {
	t.Helper()
	address, _ := doorAndRegistry(t)
	return address
}

func doorAndRegistry(t *testing.T) (address, behindIt string) {
	t.Helper()
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != platform.Username || password != platform.Password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	config := authz.Config{
		Now: time.Now, Audit: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Authenticate: func(r *http.Request) (login.Identity, error) {
			secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			switch secret {
			case "":
				return login.Identity{}, nil
			case "admin", "alice", "bob":
				return login.Identity{User: secret}, nil
			case "alice-reads":
				return login.Identity{User: "alice", Scope: login.ScopeRead}, nil
			}
			return login.Identity{}, login.ErrUnauthenticated
		},
		Review: func(_ context.Context, caller login.Identity, a authz.Attributes) (bool, error) {
			public := a.Namespace == authz.SharedNamespace && a.Verb == "get"
			return a.Group == "slipway.dev" && a.Resource == "images" && (caller.User == "admin" || caller.User == a.Namespace || public), nil
		},
	}
	router := authz.NewRouter(config)
	New(strings.TrimPrefix(upstream.URL, "http://"), platform).Mount(router, config)
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), strings.TrimPrefix(upstream.URL, "http://")
}

func storeAs(t *testing.T, address, user string) *images.Store {
	t.Helper()
	s, err := images.NewStore(address, images.Credential{Username: "token", Password: user})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhoMayPushAndPull(t *testing.T) {
	address := door(t)
	for _, c := range []struct {
		name, user, ref string
		push, pull      bool
	}{
		{"a profile's member, below its prefix", "alice", "slipway.dev/profiles/alice/train:1", true, true},
		{"a member of another profile", "bob", "slipway.dev/profiles/alice/train:1", false, false},
		{"the administrator, a public name", "admin", "docker.io/library/python:3.11", true, true},
		{"a user, a public name", "bob", "docker.io/library/python:3.11", false, true},
		{"a token for reading", "alice-reads", "slipway.dev/profiles/alice/train:1", false, true},
		{"a profile's name alone is not its prefix", "alice", "slipway.dev/profiles/alicex/train:1", false, false},
		{"credentials that nobody has", "mallory", "docker.io/library/python:3.11", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := storeAs(t, address, c.user)
			img, err := random.Image(2048, 2) // what is there already is not pushed again
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Push(t.Context(), c.ref, img, images.Provenance{Origin: images.Loaded}); (err == nil) != c.push {
				t.Errorf("push: %v", err)
			}
			_, ok, err := store.Digest(t.Context(), c.ref)
			if (err == nil && ok) != c.pull {
				t.Errorf("pull: %v, %v", ok, err)
			}
		})
	}
	for user, want := range map[string][]string{
		"alice": {"docker.io/library/python:3.11", "slipway.dev/profiles/alice/train:1"},
		"bob":   {"docker.io/library/python:3.11"},
	} {
		list, err := storeAs(t, address, user).List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range list {
			got = append(got, i.Image)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s lists: %s", user, diff)
		}
	}
}

func TestRequests(t *testing.T) {
	address := door(t)
	img, err := random.Image(2048, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := storeAs(t, address, "admin").Push(t.Context(), "ghcr.io/org/tool:1", img, images.Provenance{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method, path, user, password string
		status                       int
	}{
		"nobody is asked to log in":                    {"GET", "/v2/", "", "", 401},
		"a login is confirmed":                         {"GET", "/v2/", "any", "bob", 200},
		"the node pulls, host in ns":                   {"HEAD", "/v2/org/tool/manifests/1?ns=ghcr.io", platform.Username, platform.Password, 200},
		"the node does not find another host's":        {"HEAD", "/v2/org/tool/manifests/1?ns=quay.io", platform.Username, platform.Password, 404},
		"the node's credential does not push":          {"POST", "/v2/org/tool/blobs/uploads/", platform.Username, platform.Password, 401},
		"a path that is no registry's":                 {"GET", "/v2/org/tool/secrets", "any", "admin", 404},
		"ns cannot lead around a profile's prefix":     {"GET", "/v2/profiles/alice/x/manifests/1?ns=slipway.dev", "any", "bob", 403},
		"nor does its case":                            {"GET", "/v2/profiles/alice/x/manifests/1?ns=SLIPWAY.dev", "any", "bob", 403},
		"a layer is not taken from another repository": {"POST", "/v2/slipway.dev/profiles/bob/x/blobs/uploads/?mount=sha256:" + strings.Repeat("0", 64) + "&from=slipway.dev/profiles/alice/x", "any", "bob", 202},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+address+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
			if challenge := res.Header.Get("Www-Authenticate"); (res.StatusCode == http.StatusUnauthorized) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("challenge %q at status %d", challenge, res.StatusCode)
			}
		})
	}
}
