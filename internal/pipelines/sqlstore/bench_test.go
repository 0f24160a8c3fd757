package sqlstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStore(b testing.TB, options string) (*sqlstore.Store, *sqldb.DB) {
	b.Helper()
	db := openSQLite(b, options)
	s, err := sqlstore.New(b.Context(), db, func() time.Time { return start })
	if err != nil {
		b.Fatal(err)
	}
	return s, db
}

// leasedRuns makes runs and takes their leases.
func leasedRuns(b *testing.B, s *sqlstore.Store, n int) []pipelines.Run {
	b.Helper()
	e, err := s.EnsureExperiment(b.Context(), pipelines.Experiment{ID: "e", Namespace: "ann", DisplayName: "Default"})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := s.CreateRun(b.Context(), pipelines.Run{ID: fmt.Sprint("run-", i), ExperimentID: e.ID, Spec: []byte("{}")}); err != nil {
			b.Fatal(err)
		}
	}
	runs, err := s.Acquire(b.Context(), "bench", start, start.Add(time.Hour), n)
	if err != nil || len(runs) != n {
		b.Fatal(len(runs), err)
	}
	return runs
}

// life is what the engine commits over the life of one task: it becomes ready
// with its attempt, its pod starts, and it ends with an artifact.
func life(run pipelines.Run, n int64) [3]pipelines.Change {
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)
	t := pipelines.Task{
		ID: id, RunID: run.ID, ParentID: "root", Name: "train", DisplayName: "train", Path: "root/for-loop-1/[3]/train" + id,
		Type: pipelines.TaskRuntime, Iteration: -1, IterationCount: -1, State: pipelines.Pending,
		History: []pipelines.StateChange{{At: start, State: pipelines.Pending}}, CreatedAt: start, PodName: "train-" + id,
		Inputs: pipelines.TaskIO{Parameters: map[string]pipelines.Value{"epochs": []byte("3"), "rate": []byte("0.01")}},
	}
	a := pipelines.Attempt{TaskID: id, RunID: run.ID, Number: 1, PodName: t.PodName, State: pipelines.Running, CreatedAt: start,
		Input: []byte(fmt.Sprintf(`{"RunID":%q,"Command":["python3","-c","%01024d"]}`, run.ID, n))}
	var c [3]pipelines.Change
	c[0] = pipelines.Change{Tasks: []pipelines.Task{t}, Attempts: []pipelines.Attempt{a}}
	t.State, t.StartedAt, a.StartedAt = pipelines.Running, start, start
	t.History = append(t.History, pipelines.StateChange{At: start, State: pipelines.Running})
	c[1] = pipelines.Change{Tasks: []pipelines.Task{t}, Attempts: []pipelines.Attempt{a}}
	t.State, t.FinishedAt, a.State = pipelines.Succeeded, start, pipelines.Succeeded
	t.History = append(t.History, pipelines.StateChange{At: start, State: pipelines.Succeeded})
	a.Outcome = []byte(`{"succeeded":true,"exitCode":0}`)
	c[2] = pipelines.Change{Tasks: []pipelines.Task{t}, Attempts: []pipelines.Attempt{a},
		Artifacts: []pipelines.Artifact{{ID: id, RunID: run.ID, TaskID: id, Name: "model", URI: "s3://bucket/key", CreatedAt: start}}}
	return c
}

// BenchmarkCommit measures whole lives of tasks, three commits each, through the
// real store: ns/op is for one task.
func BenchmarkCommit(b *testing.B) {
	for _, synchronous := range []string{"normal", "full"} {
		for _, runs := range []int{1, 32} {
			b.Run(fmt.Sprintf("synchronous=%s/runs=%d", synchronous, runs), func(b *testing.B) {
				s, _ := newStore(b, "?synchronous="+synchronous)
				held := leasedRuns(b, s, runs)
				var next atomic.Int64
				b.ResetTimer()
				var wg sync.WaitGroup
				for _, run := range held {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							for _, change := range life(run, n) {
								if err := s.Commit(b.Context(), run.Lease, change); err != nil {
									b.Error(err)
									return
								}
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			})
		}
	}
}

// BenchmarkCommitWide measures commits of many tasks at once, as a wide loop makes
// them: ns/op is for one task.
func BenchmarkCommitWide(b *testing.B) {
	s, _ := newStore(b, "")
	run := leasedRuns(b, s, 1)[0]
	const wide = 100
	b.ResetTimer()
	for n := 0; n < b.N; n += wide {
		var all [3]pipelines.Change
		for i := range min(wide, b.N-n) {
			for step, c := range life(run, int64(n+i)) {
				all[step].Tasks = append(all[step].Tasks, c.Tasks...)
				all[step].Attempts = append(all[step].Attempts, c.Attempts...)
				all[step].Artifacts = append(all[step].Artifacts, c.Artifacts...)
			}
		}
		for _, change := range all {
			if err := s.Commit(b.Context(), run.Lease, change); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// fill adds runs by SQL alone, spread over ten namespaces, ten experiments each.
func fill(b testing.TB, db *sqldb.DB, n int) {
	b.Helper()
	err := db.Tx(b.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE counter (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counter WHERE i < ? - 1)
			INSERT INTO runs SELECT 'run-' || printf('%08d', i * 7919 % ?), CASE WHEN i % 10 < 9 THEN 'big' ELSE 'small' END, 'ann',
			'exp-' || (i % 7), 'name ' || (i % 1000), '', CASE WHEN i % 10 = 3 THEN 'ARCHIVED' ELSE 'AVAILABLE' END, '', '', '', '', '',
			'{"a":1}', '', 0, CASE WHEN i % 1000 = 0 THEN 'RUNNING' WHEN i % 20 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, '', '', 0,
			1000000 * i, 1000000 * i, 1000000 * i, 1000000 * i + 5 FROM counter`, n, n)
		if err == nil {
			_, err = tx.Exec(`INSERT INTO run_counts SELECT namespace, experiment_id, storage_state, state, COUNT(*) FROM runs GROUP BY 1, 2, 3, 4`)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkListRuns lists pages of 20 among a million runs.
func BenchmarkListRuns(b *testing.B) {
	s, db := newStore(b, "")
	const runs = 1_000_000
	fill(b, db, runs)
	equal := func(key, value string) []sqlstore.Predicate {
		return []sqlstore.Predicate{{Key: key, Op: sqlstore.OpEquals, Value: value}}
	}
	for name, q := range map[string]sqlstore.ListQuery{
		"newest":            {SortBy: "created_at desc"},
		"by name":           {SortBy: "name"},
		"of one experiment": {SortBy: "created_at desc", Parent: "exp-3"},
		"not archived":      {SortBy: "created_at desc", Filter: []sqlstore.Predicate{{Key: "storage_state", Op: sqlstore.OpNotEquals, Value: "ARCHIVED"}}},
		"not archived of one experiment": {SortBy: "created_at desc", Parent: "exp-3",
			Filter: []sqlstore.Predicate{{Key: "storage_state", Op: sqlstore.OpNotEquals, Value: "ARCHIVED"}}},
		"running":  {SortBy: "created_at desc", Filter: equal("state", "RUNNING")},
		"one name": {SortBy: "created_at desc", Filter: equal("name", "name 77")},
		"one id":   {Filter: equal("id", "run-00000077")},
	} {
		q.Namespace = "big"
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.ListRuns(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
