//go:build e2e

// Package e2e runs the whole product: an instance of its own on this machine,
// real pods, the official SDK. `make test` builds what it needs and sets
// SLIPWAY_PYTHON to a Python that has kfp.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/client"
)

// instance is what the tests of this package share.
var instance struct {
	root       string // of the repository
	program    string // bin/slipway
	name       string
	dataDir    string
	url        string
	token      string
	tokenFile  string
	kubeconfig string
	client     *client.Client
}

const (
	upTimeout     = 5 * time.Minute
	imagesTimeout = 15 * time.Minute
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return 1, err
	}
	i := &instance
	i.root, i.program = root, filepath.Join(root, "bin", "slipway")
	i.name, i.dataDir = "e2e", "/var/lib/slipway/e2e"
	if os.Geteuid() != 0 {
		return 1, errors.New("end-to-end tests start a local instance and so need root")
	}
	// What a killed test run left must not be in the way of this one.
	if out, err := command(context.Background(), upTimeout, "down", "--purge", "--name", i.name, "--data-dir", i.dataDir).CombinedOutput(); err != nil {
		return 1, fmt.Errorf("removing an earlier instance: %w\n%s", err, out)
	}
	defer func() {
		if os.Getenv("SLIPWAY_E2E_KEEP") != "" {
			return
		}
		out, downErr := command(context.Background(), upTimeout, "down", "--purge", "--name", i.name, "--data-dir", i.dataDir).CombinedOutput()
		if downErr != nil {
			err = errors.Join(err, fmt.Errorf("down --purge: %w\n%s", downErr, out))
		}
	}()
	if err := start(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// start brings the instance up, with the images that steps need.
func start() error {
	i := &instance
	up := command(context.Background(), upTimeout, "up", "--name", i.name, "--data-dir", i.dataDir, "--console", "127.0.0.1:18099")
	up.Stdout, up.Stderr = os.Stderr, os.Stderr
	if err := up.Run(); err != nil {
		return fmt.Errorf("slipway up: %w", err)
	}
	if err := locate(); err != nil {
		return err
	}
	images := command(context.Background(), imagesTimeout, "image", "ensure", "--instance", i.name)
	images.Stdout, images.Stderr = os.Stderr, os.Stderr
	if err := images.Run(); err != nil {
		return fmt.Errorf("slipway image ensure: %w", err)
	}
	return nil
}

// locate reads where the instance answers.
func locate() error {
	i := &instance
	out, err := command(context.Background(), time.Minute, "status", "--name", i.name, "--data-dir", i.dataDir, "-o", "json").Output()
	if err != nil {
		return fmt.Errorf("slipway status: %w", err)
	}
	var status struct {
		URL        string `json:"url"`
		Kubeconfig string `json:"kubeconfig"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return fmt.Errorf("slipway status -o json: %w\n%s", err, out)
	}
	i.url, i.kubeconfig = status.URL, status.Kubeconfig
	i.tokenFile = filepath.Join(i.dataDir, "admin.token")
	token, err := os.ReadFile(i.tokenFile)
	if err != nil {
		return err
	}
	i.token = strings.TrimSpace(string(token))
	i.client, err = client.New(i.url, i.token)
	return err
}

// command is the slipway program, killed when it takes longer than timeout.
func command(ctx context.Context, timeout time.Duration, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	cmd := exec.CommandContext(ctx, instance.program, args...)
	cmd.Cancel = func() error { defer cancel(); return cmd.Process.Kill() }
	return cmd
}

// slipway runs the program against the instance and returns what it printed.
func slipway(t *testing.T, args ...string) string {
	t.Helper()
	out, err := trySlipway(t, args...)
	if err != nil {
		t.Fatalf("slipway %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func trySlipway(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), instance.program, args...)
	cmd.Env = append(os.Environ(), "SLIPWAY_SERVER="+instance.url, "SLIPWAY_TOKEN="+instance.token)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// kubectl runs kubectl with the administrator's kubeconfig.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t, "", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryKubectl(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(instance.root, "bin", "distro", "kube"), append([]string{"kubectl", "--kubeconfig", instance.kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// apply creates or updates what a manifest says.
func apply(t *testing.T, manifest string) {
	t.Helper()
	if out, err := tryKubectl(t, manifest, "apply", "-f", "-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s\n%s", err, out, manifest)
	}
}

// python runs a script of testdata with the SDK's Python.
func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	py := os.Getenv("SLIPWAY_PYTHON")
	if py == "" {
		t.Fatal("SLIPWAY_PYTHON must name a Python that has kfp (hack/venv.sh makes one)")
	}
	cmd := exec.CommandContext(t.Context(), py, append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "SLIPWAY_SERVER="+instance.url, "SLIPWAY_TOKEN="+instance.token)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", filepath.Base(script), err, out, stderr.Bytes())
	}
	return string(out)
}

// eventually waits until check is nil, and fails the test with its last error
// after timeout.
func eventually(t *testing.T, timeout time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", timeout, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-tick.C:
		}
	}
}

// ended waits for a run's end and returns it.
func ended(t *testing.T, id string, timeout time.Duration) client.Run {
	t.Helper()
	var r client.Run
	eventually(t, timeout, func() error {
		var err error
		if r, err = instance.client.Run(t.Context(), id); err != nil {
			return err
		}
		switch r.State {
		case "SUCCEEDED", "FAILED", "CANCELED", "SKIPPED":
			return nil
		default:
			return fmt.Errorf("run %s is %s", id, r.State)
		}
	})
	return r
}
