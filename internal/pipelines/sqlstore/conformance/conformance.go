// Package conformance holds what every SQL engine under package sqlstore must do.
// An engine runs it from a test of its own, with a function that opens an empty
// database.
package conformance

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

// Start is when the suite's clock begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Run runs the suite.
func Run(t *testing.T, open func(t *testing.T) *sqldb.DB) {
	t.Helper()
	tests := map[string]func(*testing.T, *sqlstore.Store){
		"experiments are created, renamed and deleted":                  experiments,
		"an experiment is made once however many ask at once":           ensured,
		"archiving an experiment archives its runs":                     archiveCascade,
		"pipelines and versions keep their spec and tags":               versions,
		"a pipeline with versions is deleted only with cascade":         pipelineDeletion,
		"a run comes back as it was created":                            runRoundTrip,
		"a run is terminated once, and not after its end":               termination,
		"deleting a run leaves nothing of it":                           runDeletion,
		"pages cover a list once in every order":                        paging,
		"a page token of another query is refused":                      tokens,
		"filters select what they say":                                  filters,
		"filters that make no sense are refused":                        badFilters,
		"totals are exact through the lives of runs":                    totals,
		"lists stay in their namespace":                                 tenancy,
		"a lease is held by one owner until it is over":                 leases,
		"a commit under a lost lease writes nothing":                    fencing,
		"a commit writes tasks, attempts and artifacts whole":           commit,
		"a commit that fails in the middle writes nothing":              atomicity,
		"a run that is to end shows CANCELING whatever is committed":    cancelingStays,
		"a run's end takes it off the list of runs to advance":          ended,
		"commits of many runs at once all arrive":                       concurrentCommits,
		"who advances runs is woken by creation, termination, deletion": wakeUps,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seconds := 0
			s, err := sqlstore.New(t.Context(), open(t), func() time.Time {
				seconds++
				return Start.Add(time.Duration(seconds) * time.Second)
			})
			if err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func newExperiment(t *testing.T, s *sqlstore.Store, namespace, name string) pipelines.Experiment {
	t.Helper()
	return must[pipelines.Experiment](t)(s.CreateExperiment(t.Context(), pipelines.Experiment{
		ID: "exp-" + namespace + "-" + name, Namespace: namespace, CreatedBy: "ann", DisplayName: name,
	}))
}

func newRun(t *testing.T, s *sqlstore.Store, experiment pipelines.Experiment, name string) pipelines.Run {
	t.Helper()
	return must[pipelines.Run](t)(s.CreateRun(t.Context(), pipelines.Run{
		ID: "run-" + name, CreatedBy: "ann", ExperimentID: experiment.ID, DisplayName: name, Spec: []byte(`{"root":{}}`),
	}))
}

// leased makes a run and takes its lease.
func leased(t *testing.T, s *sqlstore.Store, name string) pipelines.Run {
	t.Helper()
	e := must[pipelines.Experiment](t)(s.EnsureExperiment(t.Context(), pipelines.Experiment{ID: "exp-" + name, Namespace: "ann", DisplayName: "Default"}))
	newRun(t, s, e, name)
	runs := must[[]pipelines.Run](t)(s.Acquire(t.Context(), "me", Start, Start.Add(time.Minute), 10))
	for _, r := range runs {
		if r.DisplayName == name {
			return r
		}
	}
	t.Fatalf("run %s was not acquired: %v", name, runs)
	return pipelines.Run{}
}

func names[T any](items []T, name func(T) string) string {
	out := ""
	for _, item := range items {
		out += name(item) + " "
	}
	return out
}

func runName(r pipelines.Run) string { return r.DisplayName }

func task(run pipelines.Run, n int) pipelines.Task {
	return pipelines.Task{
		ID: fmt.Sprintf("task-%03d", n), RunID: run.ID, ParentID: "root", Name: "step", DisplayName: "step",
		Path: fmt.Sprintf("root/step-%03d", n), Type: pipelines.TaskRuntime, Iteration: -1, IterationCount: -1,
		State: pipelines.Running, History: []pipelines.StateChange{{At: Start, State: pipelines.Running}},
		Inputs:    pipelines.TaskIO{Parameters: map[string]pipelines.Value{"x": []byte(`{"a":[1,2.5,"3"]}`)}},
		CreatedAt: Start.Add(time.Duration(n) * time.Second),
	}
}
