package children_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/local/children"
)

// journal collects states in the order in which they came.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(s children.Status) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s.Name+" "+string(s.State))
}

func (j *journal) of(state children.State) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var names []string
	for _, l := range j.lines {
		if name, s, _ := strings.Cut(l, " "); s == string(state) {
			names = append(names, name)
		}
	}
	return names
}

// daemon is ready after a while and stays.
func daemon(after time.Duration) func(context.Context, func(error)) error {
	return func(ctx context.Context, report func(error)) error {
		time.Sleep(after)
		report(nil)
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestOrderOfStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		g, err := children.NewGroup([]children.Component{
			{Name: "store", Run: daemon(3 * time.Second)},
			{Name: "api", Needs: []string{"store"}, Run: daemon(time.Second)},
			{Name: "setup", Needs: []string{"api"}, Run: func(context.Context, func(error)) error { time.Sleep(time.Second); return nil }},
			{Name: "free", Run: daemon(0)},
			{Name: "server", Needs: []string{"setup", "free"}, Run: daemon(0)},
		}, children.DefaultBackoff, j.note)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { g.Run(ctx); close(done) }()
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff([]string{"free", "store", "api", "server"}, j.of(children.Ready)); diff != "" {
			t.Error("ready:", diff)
		}
		if diff := cmp.Diff([]string{"setup"}, j.of(children.Done)); diff != "" {
			t.Error("done:", diff)
		}
		cancel()
		<-done
		order := j.of(children.Stopped)
		for _, pair := range [][2]string{{"server", "setup"}, {"setup", "api"}, {"api", "store"}, {"server", "free"}} {
			if slices.Index(order, pair[0]) > slices.Index(order, pair[1]) {
				t.Errorf("%s stopped after %s: %v", pair[0], pair[1], order)
			}
		}
	})
}

func TestRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts []time.Duration
		began := time.Now()
		g, err := children.NewGroup([]children.Component{{Name: "flaky", Run: func(_ context.Context, report func(error)) error {
			starts = append(starts, time.Since(began))
			if len(starts) == 4 { // settled: the pause begins anew
				report(nil)
				time.Sleep(time.Minute)
			}
			return errors.New("boom")
		}}}, children.Backoff{First: time.Second, Most: 3 * time.Second, Settled: 30 * time.Second}, func(children.Status) {})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { g.Run(ctx); close(done) }()
		time.Sleep(67500 * time.Millisecond)
		s := g.Statuses()[0]
		if s.Restarts != 5 || s.State != children.Restarting || s.Error != "boom" {
			t.Errorf("status %+v", s)
		}
		cancel()
		<-done
		want := []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second, 67 * time.Second}
		if diff := cmp.Diff(want, starts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(ctx context.Context, _ func(error)) error { <-ctx.Done(); return ctx.Err() }
		g, err := children.NewGroup([]children.Component{{Name: "a", Run: never}, {Name: "b", Needs: []string{"a"}, Run: never}}, children.DefaultBackoff, func(children.Status) {})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.Run(ctx)
		for _, s := range g.Statuses() {
			if s.State != children.Stopped {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestListIsChecked(t *testing.T) {
	cases := map[string][]children.Component{
		"unknown need": {{Name: "a", Needs: []string{"b"}}},
		"later need":   {{Name: "a", Needs: []string{"b"}}, {Name: "b"}},
		"same name":    {{Name: "a"}, {Name: "a"}},
	}
	for name, list := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := children.NewGroup(list, children.DefaultBackoff, nil); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// process is a fake Running.
type process struct {
	done chan struct{}
	err  error
}

func (p *process) Done() <-chan struct{} { return p.done }
func (p *process) Err() error            { return p.err }
func (p *process) Stop(time.Duration)    { close(p.done) }

func TestProcessReportsWhatItsProbeSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, p := time.Now(), &process{done: make(chan struct{}), err: errors.New("exit status 2")}
		probe := func(context.Context) error {
			if at := time.Since(began); at < time.Second || at > 20*time.Second && at < 40*time.Second {
				return errors.New("refused")
			}
			return nil
		}
		run := children.Process(func(context.Context) (children.Running, error) { return p, nil }, probe, time.Second)
		var last string
		var seen []string
		go func() { time.Sleep(time.Minute); close(p.done) }()
		err := run(t.Context(), func(err error) {
			if now := fmt.Sprint(err); now != last {
				seen, last = append(seen, now), now
			}
		})
		if err == nil || err.Error() != "ended: exit status 2" {
			t.Errorf("end: %v", err)
		}
		if diff := cmp.Diff([]string{"refused", "<nil>", "refused", "<nil>"}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLogRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	log, err := children.OpenLog(path, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, line := range []string{"one111\n", "two222\n", "three3\n", "four44\n", "5\n"} {
		if _, err := log.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, name := range []string{"x.log", "x.log.1", "x.log.2", "x.log.3"} {
		if data, err := os.ReadFile(filepath.Join(filepath.Dir(path), name)); err == nil {
			got[name] = string(data)
		}
	}
	want := map[string]string{"x.log": "four44\n5\n", "x.log.1": "three3\n", "x.log.2": "two222\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
