package reconcile

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// keepLeases acquires runs, renews the leases of those that are held, and hears of
// runs that this process created or that a user wants ended.
func (r *Reconciler) keepLeases(ctx context.Context) {
	poll, renew := time.NewTicker(pollEvery), time.NewTicker(renewEvery)
	defer poll.Stop()
	defer renew.Stop()
	r.acquire(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			r.acquire(ctx)
		case <-renew.C:
			r.renew(ctx)
		case id := <-r.Store.Changes():
			r.changed(ctx, id)
		}
	}
}

// changed looks at a run that somebody touched: a held one may have to end, any
// other is new.
func (r *Reconciler) changed(ctx context.Context, id string) {
	if h := r.run(id); h != nil {
		h.look()
		r.runs.Add(id)
		return
	}
	r.acquire(ctx)
}

func (r *Reconciler) acquire(ctx context.Context) {
	for {
		now := r.Clock()
		free := now
		if r.Sole && !r.polled {
			// Nobody else can hold a lease: those that run on are of a dead process.
			free = now.Add(2 * leaseFor)
		}
		runs, err := r.Store.Acquire(ctx, r.Owner, free, now.Add(leaseFor), acquireMax)
		if err != nil {
			if ctx.Err() == nil {
				slog.WarnContext(ctx, "runs cannot be acquired", "error", err)
			}
			return
		}
		r.mu.Lock()
		for _, run := range runs {
			r.held[run.ID] = newHeldRun(run)
		}
		r.mu.Unlock()
		for _, run := range runs {
			r.runs.Add(run.ID)
		}
		if len(runs) < acquireMax || (r.Sole && !r.polled) {
			r.polled = true
			return
		}
	}
}

// renew prolongs all leases in one transaction and lets go of those that are lost.
func (r *Reconciler) renew(ctx context.Context) {
	r.mu.Lock()
	held := maps.Clone(r.held)
	r.mu.Unlock()
	if len(held) == 0 {
		return
	}
	kept, err := r.Store.Renew(ctx, r.Owner, slices.Collect(maps.Keys(held)), r.Clock().Add(leaseFor))
	if err != nil {
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "leases cannot be renewed", "error", err)
		}
		return
	}
	for _, id := range kept {
		delete(held, id)
	}
	for id, h := range held {
		slog.WarnContext(ctx, "the lease of a run is lost", "run", id)
		r.drop(h)
	}
}

// releaseAll lets another server take over at once.
func (r *Reconciler) releaseAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, h := range r.held {
		if err := r.Store.Release(ctx, h.lease); err != nil {
			slog.WarnContext(ctx, "a lease is not given back", "run", id, "error", err)
		}
		delete(r.held, id)
	}
}
