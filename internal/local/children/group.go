// Package children keeps an instance's components running: it starts them in
// their order, restarts crashed ones with backoff, and stops them in reverse.
//
// It must not know what a component is: a process, or a task that ends.
package children

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Component is one thing to keep running.
type Component struct {
	Name string
	// Needs names components that stand earlier in the list and are ready (or, for
	// tasks, done) before this one starts for the first time.
	Needs []string
	// Run works until ctx ends, and calls report with nil when it is ready and with
	// an error while it is not. Returning nil with ctx alive means done for good.
	Run func(ctx context.Context, report func(error)) error
}

// State of a component.
type State string

// The states, in the order of a component's life.
const (
	Waiting    State = "Waiting" // for what it needs
	Starting   State = "Starting"
	Ready      State = "Ready"
	Done       State = "Done"       // a task that ended well
	Unready    State = "Unready"    // was ready, now its probe fails
	Restarting State = "Restarting" // ended; starts again after a pause
	Stopped    State = "Stopped"
)

// OK says that nothing is left to wait for.
func (s State) OK() bool { return s == Ready || s == Done }

// Status is what a person sees of a component.
type Status struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	Error    string    `json:"error,omitempty"` // why it is not ready, or ended last time
}

// Backoff before the start after n failures in a row; a component that was up for
// Settled starts from the beginning again.
type Backoff struct{ First, Most, Settled time.Duration }

// DefaultBackoff starts again at once after a single crash.
var DefaultBackoff = Backoff{First: 100 * time.Millisecond, Most: 15 * time.Second, Settled: 30 * time.Second}

// After gives the pause after n failures in a row, n counting from 1.
func (b Backoff) After(n int) time.Duration {
	pause := b.First
	for ; n > 1 && pause < b.Most; n-- {
		pause *= 2
	}
	return min(pause, b.Most)
}

// Group runs components.
type Group struct {
	backoff Backoff
	changed func(Status)
	members []*member
	byName  map[string]*member
}

type member struct {
	Component
	ok      chan struct{} // closed when first ready or done
	okOnce  sync.Once
	stopped chan struct{}

	mu     sync.Mutex
	status Status
}

// NewGroup checks the list; changed is called, one call at a time per component,
// with every new state.
func NewGroup(components []Component, backoff Backoff, changed func(Status)) (*Group, error) {
	g := &Group{backoff: backoff, changed: changed, byName: map[string]*member{}}
	for _, c := range components {
		for _, need := range c.Needs {
			if g.byName[need] == nil {
				return nil, fmt.Errorf("component %s needs %s, which does not stand before it", c.Name, need)
			}
		}
		if g.byName[c.Name] != nil {
			return nil, fmt.Errorf("two components are called %s", c.Name)
		}
		m := &member{Component: c, ok: make(chan struct{}), stopped: make(chan struct{}), status: Status{Name: c.Name, State: Waiting, Since: time.Now()}}
		g.members, g.byName[c.Name] = append(g.members, m), m
	}
	return g, nil
}

// Run starts everything and returns when, after the end of ctx, everything has
// stopped: each after those that need it.
func (g *Group) Run(ctx context.Context) {
	base := context.WithoutCancel(ctx)
	for _, m := range g.members {
		own, cancel := context.WithCancel(base)
		go func() {
			<-ctx.Done()
			for _, other := range g.members {
				if slices.Contains(other.Needs, m.Name) {
					<-other.stopped
				}
			}
			cancel()
		}()
		go func() {
			defer close(m.stopped)
			defer cancel()
			g.keep(ctx, own, m)
		}()
	}
	for _, m := range g.members {
		<-m.stopped
	}
}

// Statuses in the list's order.
func (g *Group) Statuses() []Status {
	statuses := make([]Status, 0, len(g.members))
	for _, m := range g.members {
		m.mu.Lock()
		statuses = append(statuses, m.status)
		m.mu.Unlock()
	}
	return statuses
}

// keep is one component's life: first is over when the group is told to stop, own
// when this component's turn to stop has come.
func (g *Group) keep(first, own context.Context, m *member) {
	for _, need := range m.Needs {
		select {
		case <-g.byName[need].ok:
		case <-first.Done():
			g.set(m, Stopped, nil)
			return
		}
	}
	failures := 0
	for first.Err() == nil {
		g.set(m, Starting, nil)
		began := time.Now()
		err := m.Run(own, func(err error) { g.report(m, err) })
		if own.Err() != nil {
			break
		}
		if err == nil {
			g.set(m, Done, nil)
			m.okOnce.Do(func() { close(m.ok) })
			<-own.Done()
			break
		}
		if time.Since(began) > g.backoff.Settled {
			failures = 0
		}
		failures++
		g.set(m, Restarting, err)
		select {
		case <-time.After(g.backoff.After(failures)):
		case <-first.Done():
		}
	}
	g.set(m, Stopped, nil)
}

func (g *Group) report(m *member, err error) {
	m.mu.Lock()
	state := m.status.State
	m.mu.Unlock()
	switch {
	case err == nil:
		g.set(m, Ready, nil)
		m.okOnce.Do(func() { close(m.ok) })
	case state == Ready || state == Unready:
		g.set(m, Unready, err)
	default:
		g.set(m, Starting, err)
	}
}

func (g *Group) set(m *member, state State, err error) {
	m.mu.Lock()
	old := m.status
	if state != old.State {
		m.status.Since = time.Now()
	}
	m.status.State = state
	if state == Restarting {
		m.status.Restarts++
	}
	switch {
	case err != nil:
		m.status.Error = err.Error()
	case state != Starting: // what ended the last try stays visible while it starts anew
		m.status.Error = ""
	}
	now := m.status
	m.mu.Unlock()
	if now.State != old.State {
		g.changed(now)
	}
}
