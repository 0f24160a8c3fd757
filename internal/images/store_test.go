package images

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slipway-ml/slipway/internal/images/build"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// startRegistry runs the bundled registry, or where it is not built a registry in memory.
func startRegistry(t *testing.T) *Store {
	t.Helper()
	program, err := filepath.Abs("../../bin/distro/registry")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		server := httptest.NewServer(registry.New())
		t.Cleanup(server.Close)
		return storeAt(t, strings.TrimPrefix(server.URL, "http://"), Credential{Username: "any", Password: "any"})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config, err := PrepareRegistry(dir, address)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "serve", config)
	cmd.Env, cmd.Stderr = append(os.Environ(), RegistryEnv...), &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for range 100 {
		if res, err := http.Get("http://" + address + "/"); err == nil {
			res.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if res, err := http.Get("http://" + address + "/v2/"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without a login: %v, %v; want 401", res, err)
	}
	credential, err := ReadCredential(CredentialFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	return storeAt(t, address, credential)
}

func storeAt(t *testing.T, address string, c Credential) *Store {
	t.Helper()
	s, err := NewStore(address, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestSeedStoresTheAgentUnderANameOfItsBuild(t *testing.T) {
	ctx := t.Context()
	store := startRegistry(t)
	dir := t.TempDir()
	img, err := random.Image(1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := ocitar.Write(filepath.Join(dir, "pause.tar"), Pause, img, nil); err != nil {
		t.Fatal(err)
	}
	bundle := Bundle{DistroDir: dir, AgentPath: filepath.Join(dir, "slipway-agent"), Version: "1.2.3+dirty"}
	for _, program := range []string{"one", "one", "two"} {
		if err := os.WriteFile(bundle.AgentPath, []byte(program), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := store.Seed(ctx, bundle, noon); err != nil {
			t.Fatal(err)
		}
	}
	list, err := store.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list {
		got = append(got, i.Image+" "+string(i.Origin)+" "+i.Source+" "+i.Time.Format(time.DateOnly))
	}
	want := []string{
		"slipway.dev/agent:1.2.3-dirty-3fc4ccfe bundled Slipway 1.2.3+dirty 2026-11-25",
		"slipway.dev/agent:1.2.3-dirty-7692c3ad bundled Slipway 1.2.3+dirty 2026-11-25",
		"slipway.dev/pause:1 bundled Slipway 1.2.3+dirty 2026-11-25",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBuiltImageKeepsItsProvenance(t *testing.T) {
	store := startRegistry(t)
	img, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	base := &Base{Store: store, Cache: t.TempDir(), Clock: func() time.Time { return noon }}
	recipe := build.BusyBox("docker.io/library/busybox:latest")
	file := base.builder("").Path(recipe)
	err = ocitar.Write(file, recipe.Ref, img, map[string]string{"org.opencontainers.image.created": noon.Format(time.RFC3339)})
	if err != nil {
		t.Fatal(err)
	}
	shell := baseImage{ref: recipe.Ref, recipe: func(string) build.Recipe { return recipe }, own: true}
	reachable := false
	if err := base.ensure(t.Context(), shell, nil, &reachable); err != nil {
		t.Fatal(err)
	}
	got, err := store.describe(t.Context(), "busybox")
	if err != nil {
		t.Fatal(err)
	}
	if got.Origin != Built || !got.Time.Equal(noon) {
		t.Errorf("provenance: %+v", got.Provenance)
	}
}

func TestImageOfUnreachableRegistryFailsWithinSeconds(t *testing.T) {
	outside, err := NewOutside(Base{}.Network, nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	// TEST-NET-1: nobody answers there.
	err = storeAt(t, "127.0.0.1:1", Credential{}).Pull(t.Context(), outside, "192.0.2.1/nothing:1", noon)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if err == nil || !strings.Contains(err.Error(), ErrUnreachable.Error()) {
		t.Errorf("error: %v", err)
	}
}

func TestRepository(t *testing.T) {
	for name, c := range map[string]struct{ ref, repository, identifier string }{
		"a bare name is docker's library": {"python", "docker.io/library/python", "latest"},
		"docker's user":                   {"google/cloud-sdk:slim", "docker.io/google/cloud-sdk", "slim"},
		"another host":                    {"ghcr.io/a/b:1", "ghcr.io/a/b", "1"},
		"a port is no part of a name":     {"localhost:5000/a:1", "localhost_5000/a", "1"},
		"a digest":                        {"quay.io/a@sha256:" + strings.Repeat("0", 64), "quay.io/a", "sha256:" + strings.Repeat("0", 64)},
		"docker's own other name":         {"index.docker.io/library/python:3.11", "docker.io/library/python", "3.11"},
	} {
		t.Run(name, func(t *testing.T) {
			repository, identifier, err := Repository(c.ref)
			if err != nil || repository != c.repository || identifier != c.identifier {
				t.Errorf("%s: %q %q %v", c.ref, repository, identifier, err)
			}
		})
	}
}

func TestEnsureStopsWhenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	base := &Base{Cache: t.TempDir(), Clock: func() time.Time { return noon }}
	if err := base.Ensure(ctx); err == nil {
		t.Error("no error")
	}
}
