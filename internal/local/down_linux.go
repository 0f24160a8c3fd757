package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

// Query asks a running instance for its status; one that does not run has the
// state Stopped.
func Query(ctx context.Context, l config.Local) (Status, error) {
	s, err := newControl(host.Socket(l.Name)).status(ctx)
	if errors.Is(err, ErrNotRunning) {
		return stopped(l), nil
	}
	return s, err
}

// stopWithin is how long a supervisor may take to end before it is killed.
const stopWithin = 20 * time.Second

// Down stops the instance and leaves nothing of it on the host, whatever state it
// is in. The data stay.
func Down(ctx context.Context, l config.Local) error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	record, known := host.FindRecord(l.Name)
	err := newControl(host.Socket(l.Name)).stop(ctx)
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	if known {
		if err := awaitEnd(ctx, record); err != nil {
			return err
		}
	}
	return host.Clean(ctx, l.Name)
}

// awaitEnd returns when the supervisor has ended, by its own or by force.
func awaitEnd(ctx context.Context, r host.Record) error {
	deadline := time.Now().Add(stopWithin)
	for isSupervisor(r.PID) {
		if time.Now().After(deadline) {
			if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil {
				return fmt.Errorf("end supervisor %d: %w", r.PID, err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// isSupervisor says whether the pid is still a supervisor's, not a stranger's that
// got the number after.
func isSupervisor(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || pid == os.Getpid() {
		return false
	}
	name, rest, _ := strings.Cut(string(data), "\x00")
	return name == supervisorArg0 || filepath.Base(name) == "slipway" && strings.HasPrefix(rest, "up\x00")
}

// Purge removes the data folder of a stopped instance. A folder that is not one is
// refused.
func Purge(l config.Local) error {
	dir := layout.Dir(l.DataDir)
	if _, err := os.Stat(string(dir)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(dir.Path("VERSION")); err != nil {
		return fmt.Errorf("%s has no VERSION file, so it is not a data folder of Slipway: remove it yourself", dir)
	}
	lock, err := dir.Lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	return os.RemoveAll(string(dir))
}

// Doctor inspects the host.
func Doctor(ctx context.Context, l config.Local) []host.Check {
	checks := host.Inspect(ctx, l.DataDir)
	port := host.Check{Name: "console", OK: true, Detail: l.Console + " is free"}
	if s, err := Query(ctx, l); err == nil && s.State != StateStopped {
		port.Detail = l.Name + " runs: " + s.URL
	} else if err := host.CheckPort(ctx, l.Console); err != nil {
		port.OK, port.Fatal, port.Detail = false, true, err.Error()
	}
	return append(checks, port)
}
