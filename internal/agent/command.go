package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

const (
	// killAfter leaves the agent time to send the log before the kubelet's own
	// SIGKILL, ten seconds after SIGTERM.
	killAfter = 7 * time.Second
	// drainFor is how long output is read after the command's end: a background
	// process may hold the pipe open for ever.
	drainFor = 2 * time.Second
)

// ended is how a command ended.
type ended struct {
	code        int            // as a shell gives it: 128+n after signal n
	signal      syscall.Signal // 0: it exited by itself
	interrupted bool           // the pod was told to stop before the command's end
}

// runCommand runs argv with its output and errors on one pipe, in order. It hands
// signals on to the command's process group, and as PID 1 of the container reaps
// what the command leaves behind.
func runCommand(argv, env []string, out io.Writer, signals <-chan os.Signal) (ended, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return ended{}, notRunnable(argv[0], err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return ended{}, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return ended{}, err
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{null.Fd(), w.Fd(), w.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	_ = null.Close()
	_ = w.Close()
	if err != nil {
		return ended{}, notRunnable(argv[0], err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, r)
	}()
	end := await(pid, signals)
	_ = r.SetReadDeadline(time.Now().Add(drainFor))
	<-copied
	_ = r.Close()
	return end, nil
}

// await waits for the command and forwards signals meanwhile.
func await(pid int, signals <-chan os.Signal) ended {
	exited := make(chan syscall.WaitStatus, 1)
	go func() { exited <- reap(pid) }()
	var end ended
	var kill <-chan time.Time
	for {
		select {
		case status := <-exited:
			end.code = status.ExitStatus()
			if status.Signaled() {
				end.signal = status.Signal()
				end.code = 128 + int(end.signal)
			}
			return end
		case sig := <-signals:
			end.interrupted = true
			if s, ok := sig.(syscall.Signal); ok {
				_ = syscall.Kill(-pid, s)
			}
			if kill == nil {
				kill = time.After(killAfter)
			}
		case <-kill:
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

// reap waits for pid. As PID 1 it collects every orphan on the way.
func reap(pid int) syscall.WaitStatus {
	target := pid
	if os.Getpid() == 1 {
		target = -1
	}
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(target, &status, 0, nil)
		if got == pid {
			return status
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return syscall.WaitStatus(1 << 8) // cannot happen: pid is our child
		}
	}
}

// notRunnable says why a program does not start, with a shell's exit code.
func notRunnable(program string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return &stepError{code: 127, message: fmt.Sprintf("the image has no program %q (PATH is %s)", program, os.Getenv("PATH"))}
	case errors.Is(err, syscall.ENOEXEC):
		return &stepError{code: 126, message: fmt.Sprintf("%q is no program that this machine can run: a script needs a #! line, and an image must be for this architecture", program)}
	case errors.Is(err, syscall.E2BIG):
		return &stepError{code: 126, message: "the arguments are too long for this system: pass large values as artifacts"}
	default:
		return &stepError{code: 126, message: fmt.Sprintf("%q cannot be run: %v", program, err)}
	}
}

// commandEnv is the command's environment: the pod's without the agent's own
// variables, and over it what the author set.
func commandEnv(environ []string, author []attempt.EnvVar) []string {
	own := map[string]bool{}
	for _, name := range []string{
		attempt.EnvSpec, attempt.EnvSpecObject, attempt.EnvEndpoint, attempt.EnvRegion, attempt.EnvAccessKey, attempt.EnvSecretKey,
	} {
		own[name] = true
	}
	for _, e := range author {
		own[e.Name] = true
	}
	var env []string
	unbuffered := own["PYTHONUNBUFFERED"]
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if own[name] {
			continue
		}
		unbuffered = unbuffered || name == "PYTHONUNBUFFERED"
		env = append(env, kv)
	}
	if !unbuffered {
		env = append(env, "PYTHONUNBUFFERED=1")
	}
	for _, e := range author {
		env = append(env, e.Name+"="+e.Value)
	}
	return env
}

// memoryKills reads how often the kernel killed a process of this container for
// lack of memory: cgroup v2, then v1.
func memoryKills() int {
	for _, file := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if text, ok := strings.CutPrefix(line, "oom_kill "); ok {
				n, err := strconv.Atoi(strings.TrimSpace(text))
				if err == nil {
					return n
				}
			}
		}
	}
	return 0
}
