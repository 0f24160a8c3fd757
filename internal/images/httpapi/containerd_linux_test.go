package httpapi

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slipway-ml/slipway/internal/images"
)

// distro is the folder of the bundled programs.
func distro(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../bin/distro")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ctr")); err != nil {
		t.Skip("bin/distro is not built (make distro)")
	}
	if os.Geteuid() != 0 {
		t.Skip("containerd needs root")
	}
	return dir
}

// containerd runs in mount and PID namespaces of its own, which end with it.
func containerd(t *testing.T, programs string) (socket string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "containerd.sock")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 3\nroot = %q\nstate = %q\n[grpc]\n  address = %q\n[debug]\n  level = \"warn\"\n", filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(programs, "containerd"), "--config", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s", text)
		}
	})
	var out []byte
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(50 * time.Millisecond) {
		out, err = exec.Command(filepath.Join(programs, "ctr"), "--address", socket, "namespaces", "list").CombinedOutput()
		if err == nil {
			return socket
		}
	}
	t.Fatalf("containerd does not answer: %s", out)
	return ""
}

// TestContainerdFindsImages is the proof of what ContainerdHosts writes: the real
// containerd takes images of any host from the bundled registry, and says within
// seconds that there is none.
func TestContainerdFindsImages(t *testing.T) {
	programs := distro(t)
	mirror, registry := doorAndRegistry(t)
	store, err := images.NewStore(registry, platform)
	if err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(t.TempDir(), "certs.d")
	if err := images.ContainerdHosts(certs, images.Hosts{Registry: registry, Credential: platform, Mirror: mirror}); err != nil {
		t.Fatal(err)
	}
	socket := containerd(t, programs)
	pull := func(ref string) (string, time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		out, err := exec.CommandContext(ctx, filepath.Join(programs, "ctr"), "--address", socket, "images", "pull", "--hosts-dir", certs, ref).CombinedOutput()
		return string(out), time.Since(start), err
	}
	for name, ref := range map[string]string{
		"docker's library, from the registry itself": "docker.io/library/tool:1",
		"our own name":                         "slipway.dev/profiles/alice/tool:1",
		"any other host, by way of the mirror": "registry.example.com/team/tool:1",
		"a host with a port":                   "registry.example.com:8443/team/tool:1",
	} {
		t.Run(name, func(t *testing.T) {
			img, err := random.Image(1024, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Push(t.Context(), ref, img, images.Provenance{Origin: images.Loaded}); err != nil {
				t.Fatal(err)
			}
			if out, _, err := pull(ref); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	for name, ref := range map[string]string{
		"docker's library":             "docker.io/library/nothing:1",
		"our own name":                 "slipway.dev/nothing:1",
		"an address where nobody is":   "192.0.2.1/team/nothing:1",
		"a name that does not resolve": "registry.invalid/team/nothing:1",
	} {
		t.Run("nothing under "+name, func(t *testing.T) {
			out, took, err := pull(ref)
			if err == nil || took > 8*time.Second {
				t.Errorf("after %s: %v: %s", took, err, out)
			}
			t.Logf("%s: %s", took, lastLine(out))
		})
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
