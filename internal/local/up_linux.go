package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/children"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/internal/local/pidone"
)

// supervisorArg0 is the name under which the program finds out that it is the
// daemon.
const supervisorArg0 = "slipway-supervisor"

// Reexec runs the program as PID 1 or as supervisor if it was started as such, and
// then does not return. main calls it before anything else.
func Reexec(version string) {
	// Some users' PATH lacks the folders of nft and iptables.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	switch os.Args[0] {
	case pidone.Arg0:
		os.Exit(pidone.Main())
	case supervisorArg0:
		os.Exit(daemon(version))
	}
}

// resultFD is where the daemon says whether it could start: nothing, or why not.
const resultFD = 3

// daemon is the supervisor's main: its config comes on standard input.
func daemon(version string) int {
	result := os.NewFile(resultFD, "result")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var cfg config.Config
	err := json.NewDecoder(os.Stdin).Decode(&cfg)
	if err == nil {
		err = logged(ctx, cfg, version, func() { _ = result.Close() }) // whoever waited may have gone
	}
	if err != nil {
		_, _ = fmt.Fprintln(result, err) // whoever waited may have gone
		slog.Error("the supervisor ended", "error", err)
		return 1
	}
	return 0
}

// logged is Supervise with its log in the data folder.
func logged(ctx context.Context, cfg config.Config, version string, started func()) error {
	dir := layout.Dir(cfg.Local.DataDir)
	if err := dir.Create(); err != nil {
		return err
	}
	log, err := children.OpenLog(supervisorLog(dir), logSize, logKeep)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	return Supervise(ctx, cfg, version, started)
}

func supervisorLog(dir layout.Dir) string { return filepath.Join(dir.Logs(), "supervisor.log") }

// Up starts the instance and returns when all of it is ready; an instance that
// runs is waited for.
func Up(ctx context.Context, cfg config.Config, o UpOptions) (Status, error) {
	if s, err := Query(ctx, cfg.Local); err == nil && s.State != StateStopped {
		if s.DataDir != cfg.Local.DataDir {
			return s, fmt.Errorf("an instance called %s runs already, with its data in %s: give this one another name with --name", s.Name, s.DataDir)
		}
		if s.URL != consoleURL(cfg.Local.Console) && cfg.Server.URL == "" {
			return s, fmt.Errorf("%s runs already, with its console at %s: for other settings, slipway down first", s.Name, s.URL)
		}
		return follow(ctx, cfg, o)
	}
	if err := host.Fatal(host.Inspect(ctx, cfg.Local.DataDir)); err != nil {
		return stopped(cfg.Local), err
	}
	if o.Foreground {
		return foreground(ctx, cfg, o)
	}
	err := startDaemon(ctx, cfg)
	for wait := 0; err != nil && strings.Contains(err.Error(), layout.ErrHeld.Error()) && wait < 100; wait++ {
		// Somebody else is just starting it, or an end is not quite over.
		time.Sleep(100 * time.Millisecond)
		if s, e := Query(ctx, cfg.Local); e == nil && s.State != StateStopped {
			return follow(ctx, cfg, o)
		}
		err = startDaemon(ctx, cfg)
	}
	if err != nil {
		return stopped(cfg.Local), err
	}
	return follow(ctx, cfg, o)
}

// foreground supervises here; the end of ctx stops the instance.
func foreground(ctx context.Context, cfg config.Config, o UpOptions) (Status, error) {
	started, ended := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ended <- logged(ctx, cfg, o.Version, func() { close(started) }) }()
	select {
	case err := <-ended:
		return stopped(cfg.Local), err
	case <-started:
	}
	s, err := follow(ctx, cfg, o)
	if err != nil && ctx.Err() == nil {
		cancel()
		return s, errors.Join(err, <-ended)
	}
	o.Progress(s)
	return stopped(cfg.Local), <-ended
}

// startDaemon starts the supervisor in a session of its own and waits until it
// answers.
func startDaemon(ctx context.Context, cfg config.Config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir := layout.Dir(cfg.Local.DataDir)
	if err := dir.Create(); err != nil {
		return err
	}
	input, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	panics, err := os.OpenFile(supervisorLog(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() { _ = panics.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	cmd := &exec.Cmd{
		Path: self, Args: []string{supervisorArg0}, Dir: "/", Stdin: bytes.NewReader(input), Stderr: panics, ExtraFiles: []*os.File{w},
		Env: append(os.Environ(), "GOGC=50"), SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return err
	}
	said := make(chan string, 1)
	go func() {
		text, err := io.ReadAll(r)
		if err != nil {
			text = []byte(err.Error())
		}
		said <- strings.TrimSpace(string(text))
	}()
	select {
	case text := <-said:
		if text != "" {
			return errors.New(text)
		}
		return cmd.Process.Release()
	case <-ctx.Done():
		return errors.Join(ctx.Err(), cmd.Process.Signal(syscall.SIGTERM))
	}
}

// patience is how often a component may end before `up` gives up.
const patience = 6

// follow waits until the instance is ready.
func follow(ctx context.Context, cfg config.Config, o UpOptions) (Status, error) {
	c := newControl(host.Socket(cfg.Local.Name))
	for {
		s, err := c.status(ctx)
		if err != nil {
			return s, fmt.Errorf("%w; see %s", err, supervisorLog(layout.Dir(cfg.Local.DataDir)))
		}
		if s.State == StateReady {
			return s, nil
		}
		o.Progress(s)
		if s.Error != "" && len(s.Components) == 0 { // not even the namespaces could be made
			return s, errors.Join(errors.New(s.Error), Down(context.WithoutCancel(ctx), cfg.Local))
		}
		for _, component := range s.Pending() {
			if component.Restarts >= patience {
				err := failure(layout.Dir(cfg.Local.DataDir), component)
				return s, errors.Join(err, Down(context.WithoutCancel(ctx), cfg.Local))
			}
		}
		select {
		case <-ctx.Done():
			return s, errors.Join(errors.New("interrupted; the instance was stopped"), Down(context.WithoutCancel(ctx), cfg.Local))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// failure says which component does not start, and what it said last.
func failure(dir layout.Dir, c children.Status) error {
	file := filepath.Join(dir.Logs(), c.Name+".log")
	text := fmt.Sprintf("%s does not start: %s", c.Name, c.Error)
	if data := dir.Path(c.Name); isDir(data) {
		text += "\nits data: " + data
	}
	if lines := lastLines(file, 8); lines != "" {
		text += "\nthe end of " + file + ":\n" + lines
	}
	return errors.New(text)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func lastLines(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
