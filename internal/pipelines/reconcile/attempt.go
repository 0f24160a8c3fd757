package reconcile

import (
	"context"
	"fmt"
	"path"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/why"
)

// lookAgain is how often an attempt that does not run yet is looked at.
const lookAgain = time.Second

// try is an attempt that is not over. One worker at a time tends it.
type try struct {
	start     engine.Start
	run       *pipelines.Run
	namespace string

	stopping atomic.Bool // the engine wants its end
	found    bool        // from an earlier process: its outcome and its pod may exist
	created  bool        // the pod exists or existed
	running  bool        // TaskStarted was posted
	over     bool        // its end was posted
	refuse   string      // it can never start: its pod goes, then this is the end
	lostAt   time.Time   // it was first seen to be lost
	wait     waitState
}

func (t *try) key() attemptKey {
	a := &t.start.Attempt
	return attemptKey{run: a.RunID, task: a.TaskID, number: a.Number}
}

func (t *try) podName() string { return t.start.Attempt.PodName }

// begin looks after an attempt whose row is committed.
func (r *Reconciler) begin(h *heldRun, s engine.Start, found bool) {
	run := h.run
	t := &try{start: s, run: &run, namespace: run.Namespace, found: found}
	h.mu.Lock()
	h.tries[t.key()] = t
	h.mu.Unlock()
	r.attempts.Add(t.key())
}

func (r *Reconciler) stop(h *heldRun, s engine.Stop) {
	key := attemptKey{run: h.lease.RunID, task: s.TaskID, number: s.Number}
	if t := h.try(key); t != nil {
		t.stopping.Store(true)
		r.attempts.Add(key)
	}
}

// tend looks at one attempt and does the next thing that it needs: make its pod,
// note that it runs, say why it does not, delete it, or find out how it ended.
func (r *Reconciler) tend(ctx context.Context, key attemptKey) error {
	h := r.run(key.run)
	if h == nil {
		return nil
	}
	t := h.try(key)
	if t == nil || t.over {
		return nil
	}
	if t.found {
		if done, err := r.resume(ctx, h, t); done || err != nil {
			return err
		}
	}
	pod, err := r.cachedPod(t.namespace, t.podName())
	if err != nil {
		return err
	}
	switch {
	case pod == nil && !t.created && !t.stopping.Load():
		return r.create(ctx, h, t)
	case pod == nil:
		return r.missing(ctx, h, t)
	case over(pod):
		return r.settle(ctx, h, t, pod)
	case t.stopping.Load(), t.refuse != "":
		return r.remove(ctx, t, pod)
	}
	t.created = true
	if main := mainStatus(pod); main != nil && main.State.Running != nil {
		r.started(h, t, main.State.Running.StartedAt.Time)
		return nil
	}
	return r.waiting(ctx, h, t, pod)
}

// resume finds out what became of an attempt that an earlier process began: the
// outcome first, then the pod. done is true when the attempt is over.
func (r *Reconciler) resume(ctx context.Context, h *heldRun, t *try) (done bool, err error) {
	switch o, err := r.outcome(ctx, t); {
	case err != nil:
		return false, err
	case o != nil:
		r.end(h, t, o)
		return true, nil
	}
	exists, err := r.podExists(ctx, t)
	if err != nil {
		return false, err
	}
	// A pod that ran and is gone was lost. One that nobody saw running was perhaps
	// never made: making it (again) is the same attempt.
	t.created = exists || !t.start.Attempt.StartedAt.IsZero()
	t.found = false
	return false, nil
}

func (r *Reconciler) podExists(ctx context.Context, t *try) (bool, error) {
	_, err := r.Kube.CoreV1().Pods(t.namespace).Get(ctx, t.podName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// missing handles a pod that the watch does not know: it is gone only if the API
// server says so too.
func (r *Reconciler) missing(ctx context.Context, h *heldRun, t *try) error {
	exists, err := r.podExists(ctx, t)
	if err != nil {
		return err
	}
	if exists {
		t.created = true
		r.attempts.AddAfter(t.key(), lookAgain)
		return nil
	}
	return r.settle(ctx, h, t, nil)
}

// create makes the attempt's pod. That it exists already is success: an earlier
// call's answer was lost.
func (r *Reconciler) create(ctx context.Context, h *heldRun, t *try) error {
	pod, err := podspec.Build(t.start, t.run, r.Pods)
	if err != nil {
		t.refuse = err.Error()
		return r.settle(ctx, h, t, nil)
	}
	if !podspec.Inline(t.start.Attempt.Input) {
		if err := r.putSpec(ctx, t); err != nil {
			return err
		}
	}
	_, err = r.Kube.CoreV1().Pods(t.namespace).Create(ctx, pod, metav1.CreateOptions{})
	if err == nil || apierrors.IsAlreadyExists(err) {
		t.created = true
		r.attempts.AddAfter(t.key(), lookAgain)
		return nil
	}
	reason, ok := why.Refused(err)
	if !ok {
		return fmt.Errorf("make pod %s/%s: %w", t.namespace, t.podName(), err)
	}
	if r.tellWhy(h, t, reason) {
		return r.settle(ctx, h, t, nil)
	}
	r.attempts.AddAfter(t.key(), lookAgain)
	return nil
}

func (r *Reconciler) putSpec(ctx context.Context, t *try) error {
	store, err := r.Objects.ForProfile(ctx, t.namespace)
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, t.start.Spec.Bucket, path.Join(t.start.Spec.Prefix, attempt.SpecName), t.start.Attempt.Input)
}

// remove deletes the attempt's pod once; the watch tells when it is gone.
func (r *Reconciler) remove(ctx context.Context, t *try, pod *corev1.Pod) error {
	if pod.DeletionTimestamp != nil {
		return nil
	}
	err := r.Kube.CoreV1().Pods(t.namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete pod %s/%s: %w", t.namespace, pod.Name, err)
	}
	return nil
}

func (r *Reconciler) started(h *heldRun, t *try, at time.Time) {
	if !t.running {
		t.running = true
		r.post(h, engine.TaskStarted{TaskID: t.start.Attempt.TaskID, Number: t.start.Attempt.Number, At: at.UTC()})
	}
}
