package pidone_test

import (
	"bufio"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/local/pidone"
)

// TestMain makes the test program its own PID 1.
func TestMain(m *testing.M) {
	if os.Args[0] == pidone.Arg0 {
		os.Exit(pidone.Main())
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *pidone.Namespaces {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := pidone.Start(self, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Kill)
	if err := ns.Setup(t.Context(), pidone.Setup{Hostname: "box", Mounts: []pidone.Mount{
		{Source: "tmpfs", Target: "/run", Type: "tmpfs"},
		{Target: "/run/deep/file", Content: []byte("written")},
	}}); err != nil {
		t.Fatal(err)
	}
	return ns
}

func spawn(t *testing.T, ns *pidone.Namespaces, script string, files ...*os.File) (*pidone.Process, *bufio.Scanner) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	p, err := ns.Spawn(t.Context(), pidone.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: os.Environ()}, w, files...)
	if err != nil {
		t.Fatal(err)
	}
	return p, bufio.NewScanner(r)
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("still running after 5 s")
	}
}

func TestProcessesSeeTheirOwnWorld(t *testing.T) {
	ns := start(t)
	p, out := spawn(t, ns, "hostname; cat /run/deep/file; echo; ls /proc | grep -c '^[0-9]*$'; ls /sys/class/net >/dev/null; cat /proc/net/dev | grep -c :; exit 3")
	wait(t, p.Done())
	var lines []string
	for out.Scan() {
		lines = append(lines, out.Text())
	}
	if got := strings.Join(lines, " "); !strings.HasPrefix(got, "box written ") {
		t.Errorf("output %q", got)
	}
	if p.Err() == nil || p.Err().Error() != "exit status 3" {
		t.Errorf("exit: %v", p.Err())
	}
}

func TestExitOfAShortProcessIsNeverLost(t *testing.T) {
	ns := start(t)
	for range 100 {
		p, _ := spawn(t, ns, "exit 0")
		wait(t, p.Done())
		if p.Err() != nil {
			t.Fatal(p.Err())
		}
	}
}

func TestSignalAndDescriptor(t *testing.T) {
	ns := start(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := spawn(t, ns, "echo via three >&3; exec sleep 60", w)
	w.Close()
	if line, _ := bufio.NewReader(r).ReadString('\n'); line != "via three\n" {
		t.Errorf("descriptor 3 gave %q", line)
	}
	if err := p.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait(t, p.Done())
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "signal 15") {
		t.Errorf("exit: %v", p.Err())
	}
}

func TestAMissingProgramIsAnErrorAndLaterOnesStart(t *testing.T) {
	ns := start(t)
	if _, err := ns.Spawn(context.Background(), pidone.Command{Path: "/no/such", Args: []string{"such"}}, os.Stderr); err == nil {
		t.Fatal("no error")
	}
	p, _ := spawn(t, ns, "exit 0")
	wait(t, p.Done())
}

func TestKillingPIDOneEndsEverything(t *testing.T) {
	ns := start(t)
	p, _ := spawn(t, ns, "setsid sleep 1000 & exec sleep 1000")
	if err := syscall.Kill(ns.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait(t, ns.Gone())
	wait(t, p.Done())
	if p.Err() == nil {
		t.Error("a killed process has no error")
	}
	if _, err := ns.Spawn(t.Context(), pidone.Command{Path: "/bin/true", Args: []string{"true"}}, os.Stderr); err == nil {
		t.Error("spawned after the end")
	}
}
