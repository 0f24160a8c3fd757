package conformance

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
)

func termination(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	check(t, s.RequestTerminate(ctx, r.ID, Start.Add(time.Hour)))
	check(t, s.RequestTerminate(ctx, r.ID, Start.Add(2*time.Hour)))
	got := must[*pipelines.Run](t)(s.Run(ctx, r.ID))
	same(t, pipelines.Canceling, got.State)
	same(t, Start.Add(time.Hour), got.TerminateRequested)
	r.State = pipelines.Canceled
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Run: &r}))
	wantError(t, pipelines.ErrConflict, s.RequestTerminate(ctx, r.ID, Start))
	wantError(t, pipelines.ErrNotFound, s.RequestTerminate(ctx, "none", Start))
}

func leases(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	e := newExperiment(t, s, "ann", "one")
	for i := range 5 {
		newRun(t, s, e, fmt.Sprint(i))
	}
	acquire := func(owner string, now time.Time, limit int) []pipelines.Run {
		return must[[]pipelines.Run](t)(s.Acquire(ctx, owner, now, now.Add(time.Minute), limit))
	}
	first := acquire("one", Start, 3)
	same(t, 3, len(first))
	if l := first[0].Lease; l.Owner != "one" || l.Version != 1 || !l.Until.Equal(Start.Add(time.Minute)) || l.RunID != first[0].ID {
		t.Errorf("lease %+v", l)
	}
	same(t, `{"root":{}}`, string(first[0].Spec))
	second := acquire("two", Start, 10)
	same(t, 2, len(second))
	same(t, 0, len(acquire("three", Start.Add(30*time.Second), 10)))

	ids := []string{first[0].ID, second[0].ID, "none"}
	kept := must[[]string](t)(s.Renew(ctx, "one", ids, Start.Add(10*time.Minute)))
	same(t, []string{first[0].ID}, kept)
	over := acquire("three", Start.Add(time.Minute), 10)
	same(t, 4, len(over))
	for _, r := range over {
		same(t, int64(2), r.Lease.Version)
	}
	same(t, 0, len(must[[]string](t)(s.Renew(ctx, "two", []string{second[0].ID}, Start.Add(time.Hour)))))

	check(t, s.Release(ctx, second[0].Lease)) // lost: changes nothing
	same(t, 0, len(acquire("four", Start.Add(time.Minute), 10)))
	check(t, s.Release(ctx, over[0].Lease))
	same(t, 1, len(acquire("four", Start.Add(time.Minute), 10)))
}

func fencing(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	later := must[[]pipelines.Run](t)(s.Acquire(ctx, "other", Start.Add(time.Hour), Start.Add(2*time.Hour), 1))
	same(t, 1, len(later))
	r.State = pipelines.Running
	change := pipelines.Change{Run: &r, Tasks: []pipelines.Task{task(r, 1)}}
	wantError(t, pipelines.ErrFenced, s.Commit(ctx, r.Lease, change))
	same(t, pipelines.Pending, must[*pipelines.Run](t)(s.Run(ctx, r.ID)).State)
	same(t, 0, len(must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID))))
	check(t, s.Commit(ctx, later[0].Lease, change))
	same(t, pipelines.Running, must[*pipelines.Run](t)(s.Run(ctx, r.ID)).State)
	forged := later[0].Lease
	forged.Owner = "me"
	wantError(t, pipelines.ErrFenced, s.Commit(ctx, forged, change))
}

func commit(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	first, second := task(r, 1), task(r, 2)
	try := pipelines.Attempt{
		TaskID: first.ID, RunID: r.ID, Number: 1, PodName: "pod", Input: []byte(`{"a":1}`), State: pipelines.Running, CreatedAt: Start,
	}
	artifact := pipelines.Artifact{
		ID: "a1", Namespace: "ann", RunID: r.ID, TaskID: first.ID, Name: "model", SchemaTitle: "system.Model", SchemaVersion: "0.0.1",
		URI: "s3://b/k", Metadata: map[string]any{"acc": 0.5, "n": "x"}, CustomPath: "/x", CreatedAt: Start,
	}
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{
		Tasks: []pipelines.Task{first, second}, Attempts: []pipelines.Attempt{try}, Artifacts: []pipelines.Artifact{artifact},
	}))
	first.State, first.FinishedAt = pipelines.Failed, Start.Add(time.Second)
	first.Error = &pipelines.Status{Code: 2, Message: "boom"}
	first.Why, first.PodName, first.Fingerprint, first.CachedFrom = "w", "pod", "f", "c"
	first.Outputs = pipelines.TaskIO{Artifacts: map[string][]string{"model": {"a1"}}}
	try.State, try.Outcome, try.FinishedAt = pipelines.Failed, []byte(`{"succeeded":false}`), Start.Add(time.Second)
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Tasks: []pipelines.Task{first}, Attempts: []pipelines.Attempt{try}}))
	same(t, []pipelines.Task{first, second}, must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID)))
	same(t, first, must[pipelines.Task](t)(s.Task(ctx, r.ID, first.ID)))
	same(t, []pipelines.Attempt{try}, must[[]pipelines.Attempt](t)(s.Attempts(ctx, r.ID)))
	same(t, []pipelines.Artifact{artifact}, must[[]pipelines.Artifact](t)(s.Artifacts(ctx, r.ID)))
	same(t, []pipelines.Artifact{artifact}, must[[]pipelines.Artifact](t)(s.ArtifactsByID(ctx, []string{"a1", "none"})))
	same(t, "ann", must[string](t)(s.ArtifactNamespace(ctx, "a1")))
	page := must[sqlstore.Page[pipelines.Artifact]](t)(s.ListArtifacts(ctx, sqlstore.ListQuery{Namespace: "ann", Parent: r.ID}))
	same(t, []pipelines.Artifact{artifact}, page.Items)
	r.State, r.Error, r.StartedAt = pipelines.Running, &pipelines.Status{Message: "m"}, Start
	r.History = append(r.History, pipelines.StateChange{At: Start, State: pipelines.Running, Error: r.Error})
	r.DisplayName = "not the engine's to change"
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Run: &r}))
	got := must[*pipelines.Run](t)(s.Run(ctx, r.ID))
	r.DisplayName, r.Lease = "r", pipelines.Lease{}
	same(t, &r, got)
}

// atomicity breaks a commit at its last row: metadata that no JSON can hold.
func atomicity(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	r.State = pipelines.Running
	bad := pipelines.Artifact{ID: "a", RunID: r.ID, Metadata: map[string]any{"f": func() {}}}
	if err := s.Commit(ctx, r.Lease, pipelines.Change{Run: &r, Tasks: []pipelines.Task{task(r, 1)}, Artifacts: []pipelines.Artifact{bad}}); err == nil {
		t.Fatal("committed")
	}
	same(t, 0, len(must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID))))
	same(t, pipelines.Pending, must[*pipelines.Run](t)(s.Run(ctx, r.ID)).State)
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Run: &r}))
}

func cancelingStays(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	check(t, s.RequestTerminate(ctx, r.ID, Start))
	for _, c := range []struct{ commit, want pipelines.State }{
		{pipelines.Running, pipelines.Canceling}, {pipelines.Canceling, pipelines.Canceling}, {pipelines.Canceled, pipelines.Canceled},
	} {
		r.State = c.commit
		check(t, s.Commit(ctx, r.Lease, pipelines.Change{Run: &r}))
		same(t, c.want, must[*pipelines.Run](t)(s.Run(ctx, r.ID)).State)
	}
}

func ended(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	r.State, r.FinishedAt = pipelines.Succeeded, Start.Add(time.Hour)
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Run: &r}))
	// What is still under way may be recorded by who held the lease at the end.
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{Tasks: []pipelines.Task{task(r, 1)}}))
	check(t, s.Release(ctx, r.Lease))
	same(t, 0, len(must[[]pipelines.Run](t)(s.Acquire(ctx, "x", Start.Add(9*time.Hour), Start.Add(10*time.Hour), 10))))
}

func concurrentCommits(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	const runs, commits = 8, 20
	held := make([]pipelines.Run, runs)
	for i := range held {
		held[i] = leased(t, s, fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for _, r := range held {
		wg.Go(func() {
			for n := range commits {
				if err := s.Commit(ctx, r.Lease, pipelines.Change{Run: &r, Tasks: []pipelines.Task{task(r, n)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range held {
		tasks := must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID))
		same(t, commits, len(tasks))
		if !slices.IsSortedFunc(tasks, func(a, b pipelines.Task) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Error("tasks are not in their order of creation")
		}
	}
}

func wakeUps(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := newRun(t, s, newExperiment(t, s, "ann", "one"), "r")
	check(t, s.RequestTerminate(ctx, r.ID, Start))
	check(t, s.DeleteRun(ctx, r.ID))
	for range 3 {
		select {
		case id := <-s.Changes():
			same(t, r.ID, id)
		default:
			t.Fatal("nobody was woken")
		}
	}
}
