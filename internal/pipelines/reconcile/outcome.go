package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/why"
)

// outcomeMax bounds an outcome: it holds output parameters.
const outcomeMax = 64 << 20

// The pause after the second lost attempt; it doubles with each, up to half a minute.
const (
	firstPause   = time.Second
	maxDoublings = 5
)

func outcomeKey(s attempt.Spec) string { return path.Join(s.Prefix, attempt.OutcomeName) }

// outcome reads what the agent left; nil: nothing.
func (r *Reconciler) outcome(ctx context.Context, t *try) (*attempt.Outcome, error) {
	store, err := r.Objects.ForProfile(ctx, t.namespace)
	if err != nil {
		return nil, err
	}
	data, err := store.Read(ctx, t.start.Spec.Bucket, outcomeKey(t.start.Spec), outcomeMax)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := &attempt.Outcome{}
	if err := json.Unmarshal(data, o); err != nil {
		return &attempt.Outcome{Message: fmt.Sprintf("the step's outcome cannot be read: %v", err), ExitCode: 1}, nil
	}
	return o, nil
}

// settle ends an attempt whose pod is over (or gone, nil). The outcome decides; if
// there is none, one is written in its place, so that no straggler can.
func (r *Reconciler) settle(ctx context.Context, h *heldRun, t *try, pod *corev1.Pod) error {
	o, err := r.outcome(ctx, t)
	if err != nil {
		return err
	}
	if o == nil {
		if o, err = r.seal(ctx, t, pod); err != nil {
			return err
		}
	}
	if pause := r.pause(t, o); pause > 0 {
		r.attempts.AddAfter(t.key(), pause)
		return nil
	}
	r.end(h, t, o)
	return nil
}

// pause keeps attempts that are lost one after the other from following at once:
// whatever takes them away, a full node or a store that is down, needs time. The
// first is repeated immediately.
func (r *Reconciler) pause(t *try, o *attempt.Outcome) time.Duration {
	now := r.Clock()
	if !o.Lost || t.stopping.Load() || t.start.Attempt.Number == 1 {
		return 0
	}
	if t.lostAt.IsZero() {
		t.lostAt = now
	}
	return t.lostAt.Add(firstPause << min(t.start.Attempt.Number-2, maxDoublings)).Sub(now)
}

// seal writes the outcome of an attempt that has none.
func (r *Reconciler) seal(ctx context.Context, t *try, pod *corev1.Pod) (*attempt.Outcome, error) {
	now := r.Clock().UTC()
	o := &attempt.Outcome{ExitCode: 1, StartedAt: now, FinishedAt: now}
	if t.refuse != "" {
		o.Message = t.refuse
	} else {
		end := why.Ended(pod)
		o.Message, o.Lost = end.Text, end.Again
	}
	if !t.start.Attempt.StartedAt.IsZero() {
		o.StartedAt = t.start.Attempt.StartedAt
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	store, err := r.Objects.ForProfile(ctx, t.namespace)
	if err != nil {
		return nil, err
	}
	err = store.PutIfAbsent(ctx, t.start.Spec.Bucket, outcomeKey(t.start.Spec), data)
	switch {
	case errors.Is(err, blob.ErrExists):
		return nil, fmt.Errorf("the agent was faster: %w", err) // read it at the next try
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrDenied):
		return o, nil // no bucket, no straggler
	case err != nil:
		return nil, err
	}
	return o, nil
}

// end posts how the attempt ended. The caller must not touch it any more.
func (r *Reconciler) end(h *heldRun, t *try, o *attempt.Outcome) {
	t.over = true
	id, number := t.start.Attempt.TaskID, t.start.Attempt.Number
	switch {
	case o.Lost:
		r.post(h, engine.AttemptLost{TaskID: id, Number: number, Reason: o.Message})
	case t.refuse != "" && o.Message == t.refuse:
		r.post(h, engine.StartRefused{TaskID: id, Number: number, Reason: t.refuse})
	default:
		r.post(h, engine.AttemptFinished{TaskID: id, Number: number, Outcome: o, At: r.Clock().UTC()})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tries, t.key())
}
