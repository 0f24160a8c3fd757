package pidone

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Arg0 is the name under which the program finds out that it is PID 1.
const Arg0 = "slipway-init"

// socketFD is where PID 1 finds its end of the socket pair.
const socketFD = 3

// Main is the life of PID 1; it returns the exit status.
func Main() int {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, Arg0+": is started by slipway up")
		return 2
	}
	conn, err := socket(os.NewFile(socketFD, "socket"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Every signal is caught and dropped: with no handler Go would die of them,
	// ignored ones would be inherited by the children.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	p := &process1{conn: conn, mine: map[int]bool{}}
	go p.reap(signals)
	p.serve()
	return 0
}

type process1 struct {
	conn *net.UnixConn
	mu   sync.Mutex
	mine map[int]bool // processes that were asked for and still run
}

func (p *process1) serve() {
	in := newReceiver(p.conn)
	for {
		var r request
		fds, err := in.receive(&r)
		if err != nil {
			return // the supervisor is gone
		}
		err = p.handle(r, fds)
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
		if err != nil {
			return
		}
	}
}

// handle does what was asked and answers. It holds the lock all the while, so
// that a process's exit is never reported before its start.
func (p *process1) handle(r request, fds []int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := reply{ID: r.ID}
	var err error
	switch {
	case r.Setup != nil:
		err = prepare(*r.Setup)
	case r.Spawn != nil:
		answer.PID, err = p.spawn(*r.Spawn, fds)
	case r.Signal != nil && p.mine[r.Signal.PID]: // a pid that is not ours is a stranger's
		err = syscall.Kill(r.Signal.PID, r.Signal.Signal)
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return send(p.conn, answer)
}

func (p *process1) spawn(c Command, fds []int) (int, error) {
	if len(fds) < 2 {
		return 0, fmt.Errorf("start %s: no output", c.Path)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	files := []uintptr{null.Fd()}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec(c.Path, c.Args, &syscall.ProcAttr{
		Dir: c.Dir, Env: c.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p.mine[pid] = true
	return pid, nil
}

// reap waits for every child, asked for or orphaned, whenever one ended.
func (p *process1) reap(signals <-chan os.Signal) {
	for s := range signals {
		if s != syscall.SIGCHLD {
			continue
		}
		for p.reapOne() {
		}
	}
}

func (p *process1) reapOne() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if p.mine[pid] {
		delete(p.mine, pid)
		_ = send(p.conn, reply{Exit: &exit{PID: pid, Status: status}}) // a closed socket ends serve, too
	}
	return true
}

func prepare(s Setup) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts among the instance: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, m := range s.Mounts {
		if err := m.apply(); err != nil && !m.Optional {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

func (m Mount) apply() error {
	if m.Content != nil {
		return m.write()
	}
	if m.Flags&unix.MS_BIND == 0 {
		return unix.Mount(m.Source, m.Target, m.Type, m.Flags, m.Data)
	}
	if info, err := os.Stat(m.Source); err == nil && info.IsDir() {
		if err := os.MkdirAll(m.Target, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount(m.Source, m.Target, "", m.Flags, "")
}

func (m Mount) write() error {
	if err := os.MkdirAll(filepath.Dir(m.Target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(m.Target, m.Content, 0o644)
}

func socket(file *os.File) (*net.UnixConn, error) {
	defer func() { _ = file.Close() }()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("socket pair is a %T", conn)
	}
	return unixConn, nil
}
