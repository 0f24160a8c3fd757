package reconcile

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/why"
)

// tellAfter is how long a pod is given before anybody is told why it does not run:
// most of what is seen earlier passes by itself.
const tellAfter = 1500 * time.Millisecond

// waitState is what is known about an attempt that does not run yet.
type waitState struct {
	from    time.Time // it was first seen waiting
	told    string
	forever bool      // what was told may take as long as it likes
	since   time.Time // patience counts from here
}

// waiting finds out why a pod does not run, tells it, and gives up when waiting
// makes no more sense.
func (r *Reconciler) waiting(ctx context.Context, h *heldRun, t *try, pod *corev1.Pod) error {
	now := r.Clock()
	if t.wait.from.IsZero() {
		t.wait.from = now
	}
	r.attempts.AddAfter(t.key(), lookAgain)
	var events []corev1.Event
	if why.NeedsEvents(pod) && now.Sub(t.wait.from) >= tellAfter {
		var err error
		if events, err = r.warningsOf(pod); err != nil {
			return err
		}
	}
	reason, ok := why.Pending(pod, events)
	if !ok {
		if t.wait.told != "" {
			t.wait = waitState{from: t.wait.from}
			r.post(h, engine.TaskWaiting{TaskID: t.start.Attempt.TaskID})
		}
		return nil
	}
	if reason.Patience != why.Never && now.Sub(t.wait.from) < tellAfter {
		return nil
	}
	if r.tellWhy(h, t, reason) {
		return r.remove(ctx, t, pod)
	}
	return nil
}

// tellWhy posts a reason that is news, and reports whether waiting is over: the
// attempt is then marked as refused. The time that counts is that since anything
// with an end to our patience was first seen: causes may alternate.
func (r *Reconciler) tellWhy(h *heldRun, t *try, reason why.Reason) (over bool) {
	now, w := r.Clock(), &t.wait
	if w.since.IsZero() || w.forever {
		w.since = now
	}
	w.forever = reason.Patience == why.Forever
	if !w.forever && now.Sub(w.since) >= reason.Patience {
		t.refuse = reason.Text
		return true
	}
	if reason.Text != w.told {
		w.told = reason.Text
		r.post(h, engine.TaskWaiting{TaskID: t.start.Attempt.TaskID, Why: reason.Text})
	}
	return false
}
