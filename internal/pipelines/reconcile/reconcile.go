package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Leases are renewed three times before they are over. pollEvery finds runs of
// other servers that died; this process's own new runs come through Store.Changes.
const (
	leaseFor   = 15 * time.Second
	renewEvery = leaseFor / 3
	pollEvery  = 2 * time.Second
	acquireMax = 200 // runs a poll
)

// How many runs are advanced, and how many attempts looked after, at once. A run
// costs a commit, an attempt a call or two to the API server and the object store.
const (
	runWorkers     = 4
	attemptWorkers = 16
)

// Reconciler drives the runs whose leases it holds.
type Reconciler struct {
	Deps
	pods     cache.SharedIndexInformer
	warnings cache.SharedIndexInformer
	runs     workqueue.TypedRateLimitingInterface[string]
	attempts workqueue.TypedRateLimitingInterface[attemptKey]
	roots    rootCache

	mu   sync.Mutex
	held map[string]*heldRun
	// firstPoll is over once the leases of an earlier process were taken.
	polled bool
}

// attemptKey names an attempt.
type attemptKey struct {
	run, task string
	number    int
}

// New makes a Reconciler. Run starts it.
func New(d Deps) *Reconciler {
	limiter := func() workqueue.TypedRateLimiter[string] {
		return workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 10*time.Second)
	}
	r := &Reconciler{
		Deps: d,
		held: map[string]*heldRun{},
		runs: workqueue.NewTypedRateLimitingQueue(limiter()),
		attempts: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[attemptKey](100*time.Millisecond, 10*time.Second)),
		roots: rootCache{found: map[string]foundRoot{}},
	}
	r.pods = r.podInformer()
	return r
}

// Run drives runs until ctx ends, and gives the leases back then. It returns early
// only if the pods cannot be watched at all.
func (r *Reconciler) Run(ctx context.Context) error {
	var err error
	if r.warnings, err = r.warningInformer(); err != nil {
		return err
	}
	var all sync.WaitGroup
	work := func(f func(context.Context)) {
		all.Go(func() { f(ctx) })
	}
	work(r.pods.RunWithContext)
	work(r.warnings.RunWithContext)
	if !cache.WaitForCacheSync(ctx.Done(), r.pods.HasSynced) {
		all.Wait()
		return errors.New("pods cannot be watched")
	}
	work(r.keepLeases)
	work(r.collect)
	for range runWorkers {
		work(func(ctx context.Context) { serve(ctx, r.runs, r.advance) })
	}
	for range attemptWorkers {
		work(func(ctx context.Context) { serve(ctx, r.attempts, r.tend) })
	}
	<-ctx.Done()
	r.runs.ShutDown()
	r.attempts.ShutDown()
	all.Wait()
	r.releaseAll(context.WithoutCancel(ctx))
	return nil
}

// serve works on a queue. A key whose work fails comes back after a pause that
// grows, so that an outage of the store or the API server loses nothing.
func serve[K comparable](ctx context.Context, q workqueue.TypedRateLimitingInterface[K], work func(context.Context, K) error) {
	for {
		key, shutdown := q.Get()
		if shutdown {
			return
		}
		err := work(ctx, key)
		switch {
		case err == nil:
			q.Forget(key)
		case ctx.Err() != nil:
		default:
			slog.WarnContext(ctx, "reconcile: will try again", "key", key, "error", err)
			q.AddRateLimited(key)
		}
		q.Done(key)
	}
}

// run is a held run, or nil.
func (r *Reconciler) run(id string) *heldRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[id]
}

// drop forgets a run: it is final, or its lease is lost.
func (r *Reconciler) drop(h *heldRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[h.lease.RunID] == h {
		delete(r.held, h.lease.RunID)
	}
}
