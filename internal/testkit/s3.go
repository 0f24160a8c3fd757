package testkit

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// S3 is a running store and its administrator's key.
type S3 struct{ Endpoint, Access, Secret string }

// ObjectStore starts the bundled S3 server, empty, with users of its own, for as
// long as the test runs.
func ObjectStore(t testing.TB) S3 {
	t.Helper()
	address := FreeAddress(t)
	store := S3{Endpoint: "http://" + address, Access: "testkit-admin", Secret: "testkit-secret"}
	// Killed by the cleanup, after whatever the test still does in its own.
	cmd := exec.CommandContext(context.Background(), Program(t, "versitygw"), "--port", address, "--access", store.Access, "--secret", store.Secret,
		"--iam-dir", t.TempDir(), "--health", "/health", "--quiet", "posix", "--sidecar", t.TempDir(), t.TempDir())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !answers(ctx, store.Endpoint+"/health") {
		if ctx.Err() != nil {
			t.Fatal("the S3 server did not answer within 20 seconds")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return store
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// FreeAddress is a loopback address and port on which nothing listens now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
