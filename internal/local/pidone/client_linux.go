package pidone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrGone says that PID 1 ended, and all that ran under it.
var ErrGone = errors.New("the instance's first process ended")

// Namespaces is a live PID 1 and its namespaces, seen from the supervisor.
type Namespaces struct {
	cmd  *exec.Cmd
	conn *net.UnixConn
	gone chan struct{}

	mu      sync.Mutex
	next    uint64
	replies map[uint64]chan reply
	procs   map[int]*Process
}

// Process is one that PID 1 started.
type Process struct {
	ns     *Namespaces
	PID    int // in the instance's PID namespace
	done   chan struct{}
	status syscall.WaitStatus
}

// Start makes the namespaces with a PID 1 in them; output receives what PID 1
// itself has to say. Nothing is mounted yet: see Setup.
func Start(program string, output *os.File) (*Namespaces, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "pid 1")
	defer func() { _ = theirs.Close() }()
	conn, err := socket(os.NewFile(uintptr(pair[0]), "supervisor"))
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: program, Args: []string{Arg0}, Env: []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GOGC=50"},
		Stdout: output, Stderr: output, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		},
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("make namespaces: %w", err), conn.Close())
	}
	n := &Namespaces{cmd: cmd, conn: conn, gone: make(chan struct{}), replies: map[uint64]chan reply{}, procs: map[int]*Process{}}
	go n.listen()
	return n, nil
}

// PID of PID 1 as the host sees it: its namespaces are at /proc/<PID>/ns.
func (n *Namespaces) PID() int { return n.cmd.Process.Pid }

// Gone is closed when PID 1 and everything under it have ended.
func (n *Namespaces) Gone() <-chan struct{} { return n.gone }

// Setup prepares mounts and host name; call it once, before Spawn.
func (n *Namespaces) Setup(ctx context.Context, s Setup) error {
	return n.call(ctx, request{Setup: &s}, nil, nil)
}

// Spawn starts a process in a session of its own, with output as its standard
// output and error, and files from descriptor 3 on.
func (n *Namespaces) Spawn(ctx context.Context, c Command, output *os.File, files ...*os.File) (*Process, error) {
	fds := []int{int(output.Fd()), int(output.Fd())}
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	p := &Process{ns: n, done: make(chan struct{})}
	if err := n.call(ctx, request{Spawn: &c}, fds, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Kill ends everything and waits until it is gone.
func (n *Namespaces) Kill() {
	_ = n.cmd.Process.Kill() // it may have ended by itself
	<-n.gone
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how an ended process ended; nil for status 0.
func (p *Process) Err() error {
	switch {
	case p.status.Signaled():
		return fmt.Errorf("killed by signal %d (%s)", p.status.Signal(), p.status.Signal())
	case p.status.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", p.status.ExitStatus())
	}
	return nil
}

// Signal is a no-op once the process has ended.
func (p *Process) Signal(ctx context.Context, s syscall.Signal) error {
	return p.ns.call(ctx, request{Signal: &signalRequest{PID: p.PID, Signal: s}}, nil, nil)
}

func (n *Namespaces) call(ctx context.Context, r request, fds []int, p *Process) error {
	answer := make(chan reply, 1)
	n.mu.Lock()
	n.next++
	r.ID = n.next
	n.replies[r.ID] = answer
	if p != nil {
		n.procs[-int(r.ID)] = p // until its pid is known
	}
	err := send(n.conn, r, fds...)
	n.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	select {
	case got := <-answer:
		if got.Error != "" {
			return errors.New(got.Error)
		}
		return nil
	case <-n.gone:
		return ErrGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen hands replies and exits on, in the order in which PID 1 sent them.
func (n *Namespaces) listen() {
	in := newReceiver(n.conn)
	for {
		var r reply
		if _, err := in.receive(&r); err != nil {
			break
		}
		n.deliver(r)
	}
	_ = n.cmd.Process.Kill() // with its socket broken PID 1 is of no use
	_ = n.cmd.Wait()         // how it ended does not matter: all is gone
	_ = n.conn.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.procs {
		p.status = syscall.WaitStatus(syscall.SIGKILL)
		close(p.done)
	}
	n.procs = map[int]*Process{}
	close(n.gone)
}

func (n *Namespaces) deliver(r reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Exit != nil {
		if p := n.procs[r.Exit.PID]; p != nil {
			delete(n.procs, r.Exit.PID)
			p.status = r.Exit.Status
			close(p.done)
		}
		return
	}
	if p := n.procs[-int(r.ID)]; p != nil {
		delete(n.procs, -int(r.ID))
		if r.Error == "" {
			p.PID = r.PID
			n.procs[r.PID] = p
		}
	}
	if answer := n.replies[r.ID]; answer != nil {
		delete(n.replies, r.ID)
		answer <- r
	}
}
