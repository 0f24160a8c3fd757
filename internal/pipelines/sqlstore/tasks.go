package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

// owner is whose row it is; tasks, attempts and artifacts take it from their run.
type owner struct{ namespace, createdBy string }

type taskRow struct {
	pipelines.Task
	owner
}

type attemptRow struct {
	pipelines.Attempt
	owner
}

type artifactRow struct {
	pipelines.Artifact
	owner
}

var taskTable = table[taskRow]{
	values: func(t *taskRow) []any {
		return []any{t.RunID, t.ID, t.namespace, t.createdBy, t.ParentID, t.Name, t.DisplayName, t.Path, string(t.Type),
			t.Iteration, t.IterationCount, string(t.State), sqldb.JSON(t.Error), sqldb.JSON(t.History), t.Why,
			sqldb.JSON(t.Inputs), sqldb.JSON(t.Outputs), t.PodName, t.Fingerprint, t.CachedFrom,
			sqldb.Micros(t.CreatedAt), sqldb.Micros(t.StartedAt), sqldb.Micros(t.FinishedAt)}
	},
	scan: func(t *taskRow) []any {
		return []any{&t.RunID, &t.ID, &t.namespace, &t.createdBy, &t.ParentID, &t.Name, &t.DisplayName, &t.Path, &t.Type,
			&t.Iteration, &t.IterationCount, &t.State, sqldb.JSONInto(&t.Error), sqldb.JSONInto(&t.History), &t.Why,
			sqldb.JSONInto(&t.Inputs), sqldb.JSONInto(&t.Outputs), &t.PodName, &t.Fingerprint, &t.CachedFrom,
			sqldb.TimeInto(&t.CreatedAt), sqldb.TimeInto(&t.StartedAt), sqldb.TimeInto(&t.FinishedAt)}
	},
}.withSQL("tasks", 2, "run_id", "id", "namespace", "created_by", "parent_id", "name", "display_name", "path", "type",
	"iteration", "iteration_count", "state", "error", "history", "why", "inputs", "outputs", "pod_name", "fingerprint",
	"cached_from", "created_at", "started_at", "finished_at")

var attemptTable = table[attemptRow]{
	values: func(a *attemptRow) []any {
		return []any{a.RunID, a.TaskID, a.Number, a.namespace, a.createdBy, a.PodName, string(a.Input), string(a.State),
			sqldb.JSON(a.Error), string(a.Outcome), sqldb.Micros(a.CreatedAt), sqldb.Micros(a.StartedAt), sqldb.Micros(a.FinishedAt)}
	},
	scan: func(a *attemptRow) []any {
		return []any{&a.RunID, &a.TaskID, &a.Number, &a.namespace, &a.createdBy, &a.PodName, rawInto(&a.Input), &a.State,
			sqldb.JSONInto(&a.Error), rawInto(&a.Outcome), sqldb.TimeInto(&a.CreatedAt), sqldb.TimeInto(&a.StartedAt), sqldb.TimeInto(&a.FinishedAt)}
	},
}.withSQL("attempts", 3, "run_id", "task_id", "number", "namespace", "created_by", "pod_name", "input", "state", "error",
	"outcome", "created_at", "started_at", "finished_at")

var artifactTable = table[artifactRow]{
	values: func(a *artifactRow) []any {
		return []any{a.ID, a.Namespace, a.createdBy, a.RunID, a.TaskID, a.Name, a.SchemaTitle, a.SchemaVersion, a.URI,
			sqldb.JSON(a.Metadata), a.CustomPath, sqldb.Micros(a.CreatedAt)}
	},
	scan: func(a *artifactRow) []any {
		return []any{&a.ID, &a.Namespace, &a.createdBy, &a.RunID, &a.TaskID, &a.Name, &a.SchemaTitle, &a.SchemaVersion, &a.URI,
			sqldb.JSONInto(&a.Metadata), &a.CustomPath, sqldb.TimeInto(&a.CreatedAt)}
	},
	id: func(a *artifactRow) string { return a.ID },
	fields: map[string]field{
		"artifact_id": {column: "id"}, "id": {column: "id"}, "name": {column: "name"}, "uri": {column: "uri"},
		"type": {column: "schema_title"}, "task_id": {column: "task_id"}, "run_id": {column: "run_id"},
		"created_at": {column: "created_at", time: true},
	},
}.withSQL("artifacts", 1, "id", "namespace", "created_by", "run_id", "task_id", "name", "schema_title", "schema_version",
	"uri", "metadata", "custom_path", "created_at")

// Tasks are all tasks of a run, oldest first.
func (s *Store) Tasks(ctx context.Context, runID string) ([]pipelines.Task, error) {
	found, err := rows(ctx, s, taskTable, "t.run_id = ? ORDER BY t.created_at, t.path", runID)
	return unwrap(found, func(r *taskRow) pipelines.Task { return r.Task }), err
}

// Attempts are all attempts of a run's tasks.
func (s *Store) Attempts(ctx context.Context, runID string) ([]pipelines.Attempt, error) {
	found, err := rows(ctx, s, attemptTable, "t.run_id = ? ORDER BY t.task_id, t.number", runID)
	return unwrap(found, func(r *attemptRow) pipelines.Attempt { return r.Attempt }), err
}

// Artifacts are those that a run made.
func (s *Store) Artifacts(ctx context.Context, runID string) ([]pipelines.Artifact, error) {
	found, err := rows(ctx, s, artifactTable, "t.run_id = ? ORDER BY t.created_at, t.id", runID)
	return unwrap(found, func(r *artifactRow) pipelines.Artifact { return r.Artifact }), err
}

// maxIDs bounds the placeholders of one statement.
const maxIDs = 500

// ArtifactsByID are the artifacts with these ids that exist, in no order.
func (s *Store) ArtifactsByID(ctx context.Context, ids []string) ([]pipelines.Artifact, error) {
	var out []pipelines.Artifact
	for len(ids) > 0 {
		n := min(len(ids), maxIDs)
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = id
		}
		marks := strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
		found, err := rows(ctx, s, artifactTable, "t.id IN ("+marks+")", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, unwrap(found, func(r *artifactRow) pipelines.Artifact { return r.Artifact })...)
		ids = ids[n:]
	}
	return out, nil
}

// ArtifactNamespace is where an artifact lies.
func (s *Store) ArtifactNamespace(ctx context.Context, id string) (string, error) {
	return s.namespaceOf(ctx, "artifacts", "artifact", id)
}

// ListArtifacts lists a namespace's artifacts; of the run q.Parent where it is set.
func (s *Store) ListArtifacts(ctx context.Context, q ListQuery) (Page[pipelines.Artifact], error) {
	page, err := list(ctx, s, artifactTable, q, "run_id")
	return Page[pipelines.Artifact]{
		Items:     unwrap(page.Items, func(r *artifactRow) pipelines.Artifact { return r.Artifact }),
		NextToken: page.NextToken, Total: page.Total,
	}, err
}

// Task finds one task of a run.
func (s *Store) Task(ctx context.Context, runID, taskID string) (pipelines.Task, error) {
	row, err := read(ctx, s, taskTable, fmt.Sprintf("task %s of run %s", taskID, runID), "t.run_id = ? AND t.id = ?", runID, taskID)
	return row.Task, err
}

func unwrap[R, T any](rows []R, of func(*R) T) []T {
	if rows == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = of(&rows[i])
	}
	return out
}
