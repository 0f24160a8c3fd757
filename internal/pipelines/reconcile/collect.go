package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// Pods that are over stay a while for kubectl logs; their own logs and outcomes
// are in the object store. A large run must not fill the cluster with them: the
// kubelet compares every pod that it knows whenever one changes, and 300 that were
// over took 40% of its CPU in a burst of 50.
const (
	collectEvery = 10 * time.Second
	keepFor      = 10 * time.Minute
	keepMost     = 40
)

// collect deletes pods that nobody needs any more: old ones, the oldest of too
// many, and those that a run left when it was deleted or its server died.
func (r *Reconciler) collect(ctx context.Context) {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.collectOnce(ctx)
		}
	}
}

func (r *Reconciler) collectOnce(ctx context.Context) {
	var idle []*corev1.Pod
	ended := map[string]bool{} // by run: nobody advances it any more
	for _, obj := range r.pods.GetStore().List() {
		pod, ok := obj.(*corev1.Pod)
		if !ok || pod.DeletionTimestamp != nil || r.needed(ctx, pod, ended) {
			continue
		}
		if !over(pod) {
			r.deletePod(ctx, pod) // its run is over, or gone
			continue
		}
		idle = append(idle, pod)
	}
	slices.SortFunc(idle, func(a, b *corev1.Pod) int { return endOf(b).Compare(endOf(a)) })
	for i, pod := range idle {
		if i >= keepMost || r.Clock().Sub(endOf(pod)) > keepFor {
			r.deletePod(ctx, pod)
		}
	}
}

// needed reports whether the pod's attempt may still be open, here or elsewhere.
func (r *Reconciler) needed(ctx context.Context, pod *corev1.Pod, ended map[string]bool) bool {
	key, ok := keyOf(pod)
	if !ok {
		return true
	}
	if h := r.run(key.run); h != nil {
		return h.needs(key) || !over(pod)
	}
	over, known := ended[key.run]
	if !known {
		run, err := r.Store.Run(ctx, key.run)
		over = errors.Is(err, pipelines.ErrNotFound) || (err == nil && run.State.Final())
		ended[key.run] = over
	}
	return !over
}

// endOf is when the pod's main container ended.
func endOf(pod *corev1.Pod) time.Time {
	if main := mainStatus(pod); main != nil && main.State.Terminated != nil {
		return main.State.Terminated.FinishedAt.Time
	}
	return pod.CreationTimestamp.Time
}

func (r *Reconciler) deletePod(ctx context.Context, pod *corev1.Pod) {
	err := r.Kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
		slog.WarnContext(ctx, "a pod is not collected", "pod", pod.Namespace+"/"+pod.Name, "error", err)
	}
}
