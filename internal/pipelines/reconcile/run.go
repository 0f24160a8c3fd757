package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// heldRun is a run whose lease we hold.
type heldRun struct {
	lease pipelines.Lease

	// These are touched by the one worker that advances the run.
	run     pipelines.Run
	machine *engine.Machine
	change  pipelines.Change // decided and not yet committed
	starts  []engine.Start
	stops   []engine.Stop
	commit  bool // change is to be written

	mu     sync.Mutex
	events []engine.Event
	tries  map[attemptKey]*try
	looks  bool // the row may have changed
	loaded bool // tries holds every open attempt
}

func newHeldRun(run pipelines.Run) *heldRun {
	return &heldRun{run: run, lease: run.Lease, tries: map[attemptKey]*try{}}
}

func (h *heldRun) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks = true
}

func (h *heldRun) try(key attemptKey) *try {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tries[key]
}

// needs reports whether the pod of an attempt may still matter to the run.
func (h *heldRun) needs(key attemptKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.loaded || h.tries[key] != nil
}

// post hands an event to the run's machine.
func (r *Reconciler) post(h *heldRun, e engine.Event) {
	h.mu.Lock()
	h.events = append(h.events, e)
	h.mu.Unlock()
	r.runs.Add(h.lease.RunID)
}

// advance moves a run on: load it if it is new here, take in what happened, commit
// what the engine decides, and only then act.
func (r *Reconciler) advance(ctx context.Context, id string) error {
	h := r.run(id)
	if h == nil {
		return nil
	}
	if h.machine == nil {
		if err := r.load(ctx, h); err != nil {
			return r.unusable(ctx, h, err)
		}
	}
	if err := r.flush(ctx, h); err != nil {
		return r.lost(ctx, h, err)
	}
	events, err := r.drain(ctx, h)
	if err != nil {
		return r.lost(ctx, h, err)
	}
	h.machine.Advance(r.Clock(), events...)
	h.change, h.starts, h.stops, _ = h.machine.Take()
	h.commit = true
	if err := r.flush(ctx, h); err != nil {
		return r.lost(ctx, h, err)
	}
	if h.machine.Done() {
		r.drop(h)
		return nil
	}
	if next := h.machine.Next(); !next.IsZero() {
		r.runs.AddAfter(id, max(next.Sub(r.Clock()), time.Millisecond))
	}
	return nil
}

// flush commits the pending change and acts on it. After an error the same change
// is tried again: the machine must not run ahead of the store.
func (r *Reconciler) flush(ctx context.Context, h *heldRun) error {
	if !h.commit {
		return nil
	}
	if !empty(h.change) {
		if err := r.Store.Commit(ctx, h.lease, h.change); err != nil {
			return err
		}
	}
	h.commit = false
	for _, s := range h.starts {
		r.begin(h, s, false)
	}
	for _, s := range h.stops {
		r.stop(h, s)
	}
	h.change, h.starts, h.stops = pipelines.Change{}, nil, nil
	return nil
}

func empty(c pipelines.Change) bool {
	return c.Run == nil && len(c.Tasks)+len(c.Attempts)+len(c.Artifacts) == 0
}

// drain takes the events that wait, and reads the user's wish to end the run.
func (r *Reconciler) drain(ctx context.Context, h *heldRun) ([]engine.Event, error) {
	h.mu.Lock()
	looks := h.looks
	h.looks = false
	h.mu.Unlock()
	var wish []engine.Event
	if looks {
		run, err := r.Store.Run(ctx, h.lease.RunID)
		if err != nil {
			h.look()
			return nil, err
		}
		if !run.TerminateRequested.IsZero() {
			wish = append(wish, engine.Terminate{})
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	events := append(wish, h.events...)
	h.events = nil
	return events, nil
}

// lost drops a run that somebody else advances, or that is deleted.
func (r *Reconciler) lost(ctx context.Context, h *heldRun, err error) error {
	if errors.Is(err, pipelines.ErrFenced) || errors.Is(err, pipelines.ErrNotFound) {
		slog.InfoContext(ctx, "a run is no longer ours", "run", h.lease.RunID, "error", err)
		r.drop(h)
		return nil
	}
	return err
}

// specError says that a run's stored spec does not make a plan.
type specError struct{ err error }

func (e *specError) Error() string { return e.err.Error() }
func (e *specError) Unwrap() error { return e.err }

// load makes the machine of a run from the store, and looks after the attempts
// that it finds open.
func (r *Reconciler) load(ctx context.Context, h *heldRun) error {
	spec, err := ir.Parse(h.run.Spec)
	if err != nil {
		return &specError{err}
	}
	p, err := plan.Compile(spec)
	if err != nil {
		return &specError{err}
	}
	snap := engine.Snapshot{Run: h.run}
	if snap.Tasks, err = r.Store.Tasks(ctx, h.run.ID); err != nil {
		return err
	}
	if snap.Attempts, err = r.Store.Attempts(ctx, h.run.ID); err != nil {
		return err
	}
	if snap.Artifacts, err = r.Store.Artifacts(ctx, h.run.ID); err != nil {
		return err
	}
	root, err := r.defaultRoot(ctx, h.run.Namespace)
	if err != nil {
		return err
	}
	m, err := engine.New(p, snap, engine.Env{NewID: r.NewID, DefaultRoot: root, Bucket: r.bucket(h.run.Namespace)})
	if err != nil {
		return &specError{err}
	}
	h.machine = m
	for _, s := range m.Open() {
		r.begin(h, s, true)
	}
	h.mu.Lock()
	h.loaded = true
	h.mu.Unlock()
	return nil
}

// unusable fails a run that can never be advanced; other errors pass.
func (r *Reconciler) unusable(ctx context.Context, h *heldRun, err error) error {
	var bad *specError
	if !errors.As(err, &bad) {
		return r.lost(ctx, h, err)
	}
	now := r.Clock()
	run := h.run
	run.State, run.FinishedAt = pipelines.Failed, now
	run.Error = &pipelines.Status{Code: 3, Message: fmt.Sprintf("the pipeline cannot be run: %v", bad)}
	run.History = append(run.History, pipelines.StateChange{At: now, State: run.State, Error: run.Error})
	if err := r.Store.Commit(ctx, h.lease, pipelines.Change{Run: &run}); err != nil {
		return r.lost(ctx, h, err)
	}
	r.drop(h)
	return nil
}
