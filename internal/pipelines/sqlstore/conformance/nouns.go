package conformance

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
)

func wantError(t *testing.T, want, got error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func experiments(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	e := newExperiment(t, s, "ann", "one")
	newExperiment(t, s, "bob", "one")
	if e.StorageState != pipelines.Available || !e.CreatedAt.Equal(Start.Add(time.Second)) {
		t.Errorf("created %+v", e)
	}
	same(t, e, must[pipelines.Experiment](t)(s.Experiment(ctx, e.ID)))
	same(t, e, must[pipelines.Experiment](t)(s.ExperimentByName(ctx, "ann", "one")))
	same(t, "ann", must[string](t)(s.ExperimentNamespace(ctx, e.ID)))
	_, err := s.CreateExperiment(ctx, pipelines.Experiment{ID: "other", Namespace: "ann", DisplayName: "one"})
	wantError(t, pipelines.ErrExists, err)
	two := newExperiment(t, s, "ann", "two")
	wantError(t, pipelines.ErrExists, s.UpdateExperiment(ctx, two.ID, func(e *pipelines.Experiment) error { e.DisplayName = "one"; return nil }))
	refused := errors.New("refused")
	wantError(t, refused, s.UpdateExperiment(ctx, two.ID, func(e *pipelines.Experiment) error { e.DisplayName = "x"; return refused }))
	same(t, two, must[pipelines.Experiment](t)(s.Experiment(ctx, two.ID)))
	run := newRun(t, s, e, "r")
	if got := must[pipelines.Experiment](t)(s.Experiment(ctx, e.ID)); !got.LastRunCreatedAt.Equal(run.CreatedAt) {
		t.Errorf("last run at %v, want %v", got.LastRunCreatedAt, run.CreatedAt)
	}
	check(t, s.DeleteExperiment(ctx, e.ID))
	wantError(t, pipelines.ErrNotFound, s.DeleteExperiment(ctx, e.ID))
	_, err = s.Experiment(ctx, e.ID)
	wantError(t, pipelines.ErrNotFound, err)
	_, err = s.ExperimentNamespace(ctx, e.ID)
	wantError(t, pipelines.ErrNotFound, err)
	must[*pipelines.Run](t)(s.Run(ctx, run.ID)) // runs outlive their experiment
	_, err = s.CreateRun(ctx, pipelines.Run{ID: "late", ExperimentID: e.ID})
	wantError(t, pipelines.ErrNotFound, err)
}

func ensured(t *testing.T, s *sqlstore.Store) {
	var wg sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		e := pipelines.Experiment{ID: fmt.Sprint("id", i), Namespace: "ann", DisplayName: "Default", CreatedAt: Start}
		wg.Go(func() {
			got, err := s.EnsureExperiment(t.Context(), e)
			if err != nil {
				t.Error(err)
			}
			ids[i] = got.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("different experiments: %v", ids)
		}
	}
}

func archiveCascade(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	e, other := newExperiment(t, s, "ann", "one"), newExperiment(t, s, "ann", "two")
	a, b := newRun(t, s, e, "a"), newRun(t, s, other, "b")
	set := func(state pipelines.StorageState) func(*pipelines.Experiment) error {
		return func(e *pipelines.Experiment) error { e.StorageState = state; return nil }
	}
	setRun := func(state pipelines.StorageState) func(*pipelines.Run) error {
		return func(r *pipelines.Run) error { r.StorageState = state; return nil }
	}
	state := func(id string) pipelines.StorageState { return must[*pipelines.Run](t)(s.Run(ctx, id)).StorageState }
	check(t, s.UpdateExperiment(ctx, e.ID, set(pipelines.Archived)))
	same(t, pipelines.Archived, state(a.ID))
	same(t, pipelines.Available, state(b.ID))
	wantError(t, pipelines.ErrConflict, s.UpdateRun(ctx, a.ID, setRun(pipelines.Available)))
	_, err := s.CreateRun(ctx, pipelines.Run{ID: "late", ExperimentID: e.ID})
	wantError(t, pipelines.ErrConflict, err)
	check(t, s.UpdateExperiment(ctx, e.ID, set(pipelines.Available)))
	same(t, pipelines.Archived, state(a.ID))
	check(t, s.UpdateRun(ctx, a.ID, setRun(pipelines.Available)))
	same(t, pipelines.Available, state(a.ID))
}

func newPipeline(t *testing.T, s *sqlstore.Store, name string, tags map[string]string) pipelines.Pipeline {
	t.Helper()
	return must[pipelines.Pipeline](t)(s.CreatePipeline(t.Context(), pipelines.Pipeline{
		ID: "p-" + name, Namespace: "ann", CreatedBy: "ann", Name: name, DisplayName: "The " + name, Tags: tags,
	}))
}

func newVersion(t *testing.T, s *sqlstore.Store, p pipelines.Pipeline, name string) pipelines.PipelineVersion {
	t.Helper()
	return must[pipelines.PipelineVersion](t)(s.CreatePipelineVersion(t.Context(), pipelines.PipelineVersion{
		ID: "v-" + p.Name + "-" + name, PipelineID: p.ID, CreatedBy: "ann", Name: name, DisplayName: name,
		Spec: []byte(`{"root":{},"s":"é\u003c"}`), CodeSourceURL: "https://example.com", Tags: map[string]string{"a": `"b":"c"`},
	}))
}

func versions(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	p := newPipeline(t, s, "one", map[string]string{"team": "x"})
	same(t, p, must[pipelines.Pipeline](t)(s.Pipeline(ctx, p.ID)))
	same(t, p, must[pipelines.Pipeline](t)(s.PipelineByName(ctx, "ann", "one")))
	_, err := s.CreatePipeline(ctx, pipelines.Pipeline{ID: "x", Namespace: "ann", Name: "one"})
	wantError(t, pipelines.ErrExists, err)
	v1 := newVersion(t, s, p, "1")
	v2 := newVersion(t, s, p, "2")
	same(t, "ann", v1.Namespace)
	same(t, v1, must[pipelines.PipelineVersion](t)(s.PipelineVersion(ctx, v1.ID)))
	same(t, v2, must[pipelines.PipelineVersion](t)(s.LatestPipelineVersion(ctx, p.ID)))
	_, err = s.CreatePipelineVersion(ctx, pipelines.PipelineVersion{ID: "x", PipelineID: p.ID, Name: "1"})
	wantError(t, pipelines.ErrExists, err)
	newVersion(t, s, newPipeline(t, s, "two", nil), "1") // unique in its pipeline alone
	_, err = s.CreatePipelineVersion(ctx, pipelines.PipelineVersion{ID: "x", PipelineID: "none", Name: "1"})
	wantError(t, pipelines.ErrNotFound, err)
	changed := must[pipelines.PipelineVersion](t)(s.UpdatePipelineVersion(ctx, v1.ID, func(v *pipelines.PipelineVersion) error {
		v.DisplayName, v.Tags = "new", map[string]string{"t": "1"}
		return nil
	}))
	same(t, changed, must[pipelines.PipelineVersion](t)(s.PipelineVersion(ctx, v1.ID)))
	_, _, err = s.CreatePipelineAndVersion(ctx, pipelines.Pipeline{ID: "p3", Namespace: "ann", Name: "three"},
		pipelines.PipelineVersion{ID: v1.ID, Name: "1"})
	wantError(t, pipelines.ErrExists, err)
	_, err = s.Pipeline(ctx, "p3") // neither or both
	wantError(t, pipelines.ErrNotFound, err)
	check(t, s.DeletePipelineVersion(ctx, v1.ID))
	same(t, v2, must[pipelines.PipelineVersion](t)(s.PipelineVersion(ctx, v2.ID))) // shares v1's spec
}

func pipelineDeletion(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	p := newPipeline(t, s, "one", nil)
	v := newVersion(t, s, p, "1")
	wantError(t, pipelines.ErrConflict, s.DeletePipeline(ctx, p.ID, false))
	check(t, s.DeletePipeline(ctx, p.ID, true))
	_, err := s.PipelineVersion(ctx, v.ID)
	wantError(t, pipelines.ErrNotFound, err)
	wantError(t, pipelines.ErrNotFound, s.DeletePipeline(ctx, p.ID, true))
	_, err = s.LatestPipelineVersion(ctx, p.ID)
	wantError(t, pipelines.ErrNotFound, err)
	check(t, s.DeletePipeline(ctx, newPipeline(t, s, "bare", nil).ID, false))
}

func runRoundTrip(t *testing.T, s *sqlstore.Store) {
	e := newExperiment(t, s, "ann", "one")
	want := pipelines.Run{
		ID: "r", CreatedBy: "ann", ExperimentID: e.ID, DisplayName: "n", Description: "d", ServiceAccount: "sa",
		PipelineID: "p", PipelineVersionID: "v", RecurringRunID: "rr", Spec: []byte(`{"root":{}}`),
		Parameters:   map[string]pipelines.Value{"a": []byte(`null`), "b": []byte(`3.0`), "c": []byte(`9007199254740993`)},
		PipelineRoot: "s3://b/k", CacheOff: true, ScheduledAt: Start,
	}
	created := must[pipelines.Run](t)(s.CreateRun(t.Context(), want))
	want.Namespace, want.StorageState, want.State = "ann", pipelines.Available, pipelines.Pending
	want.CreatedAt = created.CreatedAt
	want.History = []pipelines.StateChange{{At: created.CreatedAt, State: pipelines.Pending}}
	same(t, want, created)
	same(t, &want, must[*pipelines.Run](t)(s.Run(t.Context(), "r")))
	_, err := s.CreateRun(t.Context(), want)
	wantError(t, pipelines.ErrExists, err)
	_, err = s.Run(t.Context(), "none")
	wantError(t, pipelines.ErrNotFound, err)
}

func runDeletion(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	r := leased(t, s, "r")
	check(t, s.Commit(ctx, r.Lease, pipelines.Change{
		Tasks: []pipelines.Task{task(r, 1)}, Attempts: []pipelines.Attempt{{TaskID: "task-001", RunID: r.ID, Number: 1}},
		Artifacts: []pipelines.Artifact{{ID: "a", RunID: r.ID}},
	}))
	check(t, s.DeleteRun(ctx, r.ID))
	wantError(t, pipelines.ErrNotFound, s.DeleteRun(ctx, r.ID))
	same(t, 0, len(must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID))))
	same(t, 0, len(must[[]pipelines.Attempt](t)(s.Attempts(ctx, r.ID))))
	same(t, 0, len(must[[]pipelines.Artifact](t)(s.Artifacts(ctx, r.ID))))
	wantError(t, pipelines.ErrFenced, s.Commit(ctx, r.Lease, pipelines.Change{Tasks: []pipelines.Task{task(r, 1)}}))
	same(t, 0, len(must[[]pipelines.Task](t)(s.Tasks(ctx, r.ID))))
}
