package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// sandboxed runs a program in mount and PID namespaces of its own, so that no
// mount reaches the host and everything ends with it or with us.
func sandboxed(ctx context.Context, p program) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("building an image needs root (run with sudo)")
	}
	// A fresh /proc for the PID namespace; mmdebstrap and pip look at /proc/self.
	// Nice, since steps may be running.
	args := append([]string{"-c", `mount -t proc proc /proc && exec nice -n 5 "$@"`, "sh"}, p.args...)
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p.stdout, p.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS,
		Cloneflags:   syscall.CLONE_NEWPID,
		Pdeathsig:    syscall.SIGKILL,
	}
	// The kernel sends Pdeathsig when the starting thread ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}

// lock holds name in dir until unlock: one build of a recipe at a time, on all
// instances of this machine.
func lock(ctx context.Context, dir, name string) (unlock func() error, err error) {
	for {
		unlock, err := tryLock(dir, name)
		if unlock != nil || err != nil {
			return unlock, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// tryLock is lock without waiting: unlock is nil when somebody else holds it. The
// kernel lets go of it when the holder ends, however that happens.
func tryLock(dir, name string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "."+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f.Close, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, f.Close()
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
}
