package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-ml/slipway/internal/local/layout"
)

// runDir holds a folder for each running instance. It is empty after a reboot, as
// is everything else that an instance has on the host.
const runDir = "/run/slipway"

// forwarding remembers the host's own setting while instances run.
const forwarding = "ip_forward"

// Record says who an instance on this host is.
type Record struct {
	Name    string `json:"name"`
	DataDir string `json:"dataDir"`
	PID     int    `json:"pid"` // the supervisor's
}

// Socket is where the supervisor of an instance answers.
func Socket(instance string) string { return filepath.Join(runDir, instance, "control.sock") }

// FindRecord is false when no instance of the name has been left on the host.
func FindRecord(instance string) (Record, bool) {
	var r Record
	data, err := os.ReadFile(filepath.Join(runDir, instance, "instance.json"))
	if err != nil || json.Unmarshal(data, &r) != nil {
		return r, false
	}
	return r, true
}

// WriteRecord marks the host as used by the instance.
func WriteRecord(r Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return locked(func() error {
		dir := filepath.Join(runDir, r.Name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return layout.WriteFile(filepath.Join(dir, "instance.json"), data, 0o600)
	})
}

// locked keeps other instances' supervisors out while f changes what they share.
// The lock is on /run itself, so that no file of ours is left there.
func locked(f func() error) error {
	run, err := os.Open(filepath.Dir(runDir))
	if err != nil {
		return err
	}
	defer func() { _ = run.Close() }()
	if err := unix.Flock(int(run.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", run.Name(), err)
	}
	return f()
}

// Forward lets the host forward packets until the last instance is gone.
func Forward() error { return locked(forward) }

func forward() error {
	const setting = "/proc/sys/net/ipv4/ip_forward"
	old, err := os.ReadFile(setting)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(old)) == "1" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(runDir, forwarding), old, 0o600); err != nil {
		return err
	}
	return sysctl("net/ipv4/ip_forward", "1")
}

// Clean removes whatever an instance left on the host, in whatever way it ended.
// Call it only while no supervisor of that name runs.
func Clean(ctx context.Context, instance string) error {
	if err := CleanGeneration(ctx, instance); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(runDir, instance)); err != nil {
		return err
	}
	return locked(restoreShared)
}

// CleanGeneration removes what belongs to one life of the instance's namespaces.
func CleanGeneration(ctx context.Context, instance string) error {
	err := errors.Join(removeCgroups(instance), disconnect(instance))
	if _, missing := exec.LookPath("nft"); missing == nil {
		err = errors.Join(err, dismiss(ctx, instance))
	}
	if err != nil {
		return fmt.Errorf("clean up after instance %s: %w", instance, err)
	}
	return nil
}

// foldersFile lists the folders that MakeFolders made.
const foldersFile = "folders"

// MakeFolders makes empty folders on the host, to be mounted over; they go with
// the last instance.
func MakeFolders(paths []string) error {
	return locked(func() error { return makeFolders(paths) })
}

func makeFolders(paths []string) error {
	made, err := os.ReadFile(filepath.Join(runDir, foldersFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, p := range paths {
		if err := os.Mkdir(p, 0o755); err == nil {
			made = append(made, p+"\n"...)
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return os.WriteFile(filepath.Join(runDir, foldersFile), made, 0o600)
}

// removeFolders leaves those that somebody has put something into.
func removeFolders() {
	made, err := os.ReadFile(filepath.Join(runDir, foldersFile))
	if err != nil {
		return
	}
	for p := range strings.Lines(string(made)) {
		_ = os.Remove(strings.TrimSpace(p)) // not empty: not ours any more
	}
}

// restoreShared puts back what instances share when none is left.
func restoreShared() error {
	entries, err := os.ReadDir(runDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			return nil
		}
	}
	removeFolders()
	old, err := os.ReadFile(filepath.Join(runDir, forwarding))
	if err == nil {
		err = sysctl("net/ipv4/ip_forward", strings.TrimSpace(string(old)))
	}
	if err := optional(err); err != nil {
		return err
	}
	return os.RemoveAll(runDir)
}

// legacyIptables says whether the iptables program speaks to the kernel's old
// tables, which nft does not show.
func legacyIptables() bool {
	path, err := exec.LookPath("iptables")
	if err != nil {
		return false
	}
	path, err = filepath.EvalSymlinks(path)
	return err == nil && strings.Contains(path, "legacy")
}
