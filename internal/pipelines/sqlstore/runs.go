package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var runTable = table[pipelines.Run]{
	values: func(r *pipelines.Run) []any {
		return []any{r.ID, r.Namespace, r.CreatedBy, r.ExperimentID, r.DisplayName, r.Description, string(r.StorageState),
			r.ServiceAccount, r.PipelineID, r.PipelineVersionID, r.RecurringRunID, specDigest(r.Spec), sqldb.JSON(r.Parameters),
			r.PipelineRoot, flag(r.CacheOff), string(r.State), sqldb.JSON(r.Error), sqldb.JSON(r.History),
			sqldb.Micros(r.TerminateRequested), sqldb.Micros(r.CreatedAt), sqldb.Micros(r.ScheduledAt),
			sqldb.Micros(r.StartedAt), sqldb.Micros(r.FinishedAt)}
	},
	scan: func(r *pipelines.Run) []any {
		return []any{&r.ID, &r.Namespace, &r.CreatedBy, &r.ExperimentID, &r.DisplayName, &r.Description, &r.StorageState,
			&r.ServiceAccount, &r.PipelineID, &r.PipelineVersionID, &r.RecurringRunID, rawInto(&r.Spec), sqldb.JSONInto(&r.Parameters),
			&r.PipelineRoot, &r.CacheOff, &r.State, sqldb.JSONInto(&r.Error), sqldb.JSONInto(&r.History),
			sqldb.TimeInto(&r.TerminateRequested), sqldb.TimeInto(&r.CreatedAt), sqldb.TimeInto(&r.ScheduledAt),
			sqldb.TimeInto(&r.StartedAt), sqldb.TimeInto(&r.FinishedAt)}
	},
	id: func(r *pipelines.Run) string { return r.ID },
	fields: map[string]field{
		"run_id": {column: "id"}, "id": {column: "id"},
		"display_name": {column: "display_name"}, "name": {column: "display_name"},
		"description": {column: "description"}, "namespace": {column: "namespace"},
		"storage_state": {column: "storage_state"},
		"state":         {column: "state"}, "status": {column: "state"},
		"experiment_id": {column: "experiment_id"}, "recurring_run_id": {column: "recurring_run_id"},
		"pipeline_id": {column: "pipeline_id"}, "pipeline_version_id": {column: "pipeline_version_id"},
		"created_at":   {column: "created_at", time: true},
		"scheduled_at": {column: "scheduled_at", time: true},
		"finished_at":  {column: "finished_at", time: true},
	},
}.withSQL("runs", 1, "id", "namespace", "created_by", "experiment_id", "display_name", "description", "storage_state",
	"service_account", "pipeline_id", "pipeline_version_id", "recurring_run_id", "spec", "parameters",
	"pipeline_root", "cache_off", "state", "error", "history", "terminate_requested", "created_at", "scheduled_at",
	"started_at", "finished_at")

// CreateRun adds a run in the namespace of its experiment, which must not be
// archived, and wakes whoever advances runs.
func (s *Store) CreateRun(ctx context.Context, r pipelines.Run) (pipelines.Run, error) {
	s.stamp(&r.CreatedAt)
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		e, err := get(tx, experiments, "experiment "+r.ExperimentID, "t.id = ?", r.ExperimentID)
		if err != nil {
			return err
		}
		if e.StorageState == pipelines.Archived {
			return fmt.Errorf("experiment %q is archived: %w", e.DisplayName, pipelines.ErrConflict)
		}
		r.Namespace = e.Namespace
		if err := insertRun(tx, &r); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE experiments SET last_run_created_at = ? WHERE id = ?`, sqldb.Micros(r.CreatedAt), e.ID)
		return err
	})
	if err == nil {
		s.changed(r.ID)
	}
	return r, err
}

func insertRun(tx *sqldb.Tx, r *pipelines.Run) error {
	if r.StorageState == "" {
		r.StorageState = pipelines.Available
	}
	if r.State == "" {
		r.State = pipelines.Pending
		r.History = []pipelines.StateChange{{At: r.CreatedAt, State: r.State}}
	}
	if r.ScheduledAt.IsZero() {
		r.ScheduledAt = r.CreatedAt
	}
	if err := putSpec(tx, r.Namespace, r.CreatedBy, r.Spec); err != nil {
		return err
	}
	if err := insert(tx, runTable, "run "+r.ID, r); err != nil {
		return err
	}
	if err := count(tx, kindOf(r), 1); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO run_leases (run_id, namespace, created_by, active, owner, version, until) VALUES (?, ?, ?, ?, '', 0, 0)`,
		r.ID, r.Namespace, r.CreatedBy, flag(!r.State.Final()))
	return err
}

// Run finds a run by its id. Its Lease is not read: only Acquire gives one.
func (s *Store) Run(ctx context.Context, id string) (*pipelines.Run, error) {
	r, err := read(ctx, s, runTable, "run "+id, "t.id = ?", id)
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// RunNamespace is where a run lies.
func (s *Store) RunNamespace(ctx context.Context, id string) (string, error) {
	return s.namespaceOf(ctx, "runs", "run", id)
}

// ListRuns lists a namespace's runs; of the experiment q.Parent where it is set.
func (s *Store) ListRuns(ctx context.Context, q ListQuery) (Page[pipelines.Run], error) {
	return list(ctx, s, runTable, q, "experiment_id")
}

// UpdateRun changes what the API may change of a run at any time: display name,
// description and storage state. A run of an archived experiment stays archived
// (ErrConflict). What the engine writes goes through Commit.
func (s *Store) UpdateRun(ctx context.Context, id string, change func(*pipelines.Run) error) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		r, err := get(tx, runTable, "run "+id, "t.id = ?", id)
		if err != nil {
			return err
		}
		before := kindOf(&r)
		if err := change(&r); err != nil {
			return err
		}
		if before.storage == pipelines.Archived && r.StorageState == pipelines.Available {
			if err := mayUnarchive(tx, &r); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`UPDATE runs SET display_name = ?, description = ?, storage_state = ? WHERE id = ?`,
			r.DisplayName, r.Description, string(r.StorageState), id)
		if err != nil {
			return fmt.Errorf("update run %s: %w", id, err)
		}
		after := before
		after.storage = r.StorageState
		return recount(tx, before, after)
	})
}

func mayUnarchive(tx *sqldb.Tx, r *pipelines.Run) error {
	var archived int
	err := tx.Row(`SELECT COUNT(*) FROM experiments WHERE id = ? AND storage_state = ?`,
		[]any{r.ExperimentID, string(pipelines.Archived)}, &archived)
	if err == nil && archived > 0 {
		err = fmt.Errorf("run %s: its experiment %s is archived; unarchive that first: %w", r.ID, r.ExperimentID, pipelines.ErrConflict)
	}
	return err
}

// RequestTerminate asks whoever advances the run to end it, and wakes them. The
// run shows CANCELING at once. Asking twice is the same as asking once; a run
// that has ended is refused (ErrConflict).
func (s *Store) RequestTerminate(ctx context.Context, id string, now time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		r, err := get(tx, runTable, "run "+id, "t.id = ?", id)
		if err != nil {
			return err
		}
		if r.State.Final() {
			return fmt.Errorf("run %s has ended (%s): %w", id, r.State, pipelines.ErrConflict)
		}
		if !r.TerminateRequested.IsZero() {
			return nil
		}
		_, err = tx.Exec(`UPDATE runs SET terminate_requested = ?, state = ? WHERE id = ?`, sqldb.Micros(now), string(pipelines.Canceling), id)
		if err != nil {
			return fmt.Errorf("terminate run %s: %w", id, err)
		}
		after := kindOf(&r)
		after.state = pipelines.Canceling
		return recount(tx, kindOf(&r), after)
	})
	if err == nil {
		s.changed(id)
	}
	return err
}

// DeleteRun removes a run with its tasks, attempts and artifact rows, whether it
// has ended or not: its lease goes too, so the next Commit for it is fenced.
// Whoever advances runs is woken and finds it gone. Objects in S3 stay.
func (s *Store) DeleteRun(ctx context.Context, id string) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		r, err := get(tx, runTable, "run "+id, "t.id = ?", id)
		if err != nil {
			return err
		}
		for _, table := range []string{"artifacts", "attempts", "tasks", "run_leases"} {
			if _, err := remove(tx, table, "run_id = ?", id); err != nil {
				return err
			}
		}
		if _, err := remove(tx, "runs", "id = ?", id); err != nil {
			return err
		}
		if err := count(tx, kindOf(&r), -1); err != nil {
			return err
		}
		return dropSpec(tx, r.Namespace, specDigest(r.Spec))
	})
	if err == nil {
		s.changed(id)
	}
	return err
}
