package sqlstore

import (
	"context"
	"fmt"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var experiments = table[pipelines.Experiment]{
	values: func(e *pipelines.Experiment) []any {
		return []any{e.ID, e.Namespace, e.CreatedBy, e.DisplayName, e.Description, string(e.StorageState),
			sqldb.Micros(e.CreatedAt), sqldb.Micros(e.LastRunCreatedAt)}
	},
	scan: func(e *pipelines.Experiment) []any {
		return []any{&e.ID, &e.Namespace, &e.CreatedBy, &e.DisplayName, &e.Description, &e.StorageState,
			sqldb.TimeInto(&e.CreatedAt), sqldb.TimeInto(&e.LastRunCreatedAt)}
	},
	id: func(e *pipelines.Experiment) string { return e.ID },
	fields: map[string]field{
		"experiment_id": {column: "id"}, "id": {column: "id"},
		"display_name": {column: "display_name"}, "name": {column: "display_name"},
		"description": {column: "description"}, "namespace": {column: "namespace"},
		"storage_state":       {column: "storage_state"},
		"created_at":          {column: "created_at", time: true},
		"last_run_created_at": {column: "last_run_created_at", time: true},
	},
}.withSQL("experiments", 1, "id", "namespace", "created_by", "display_name", "description", "storage_state",
	"created_at", "last_run_created_at")

// CreateExperiment adds an experiment; its display name is unique in its namespace.
func (s *Store) CreateExperiment(ctx context.Context, e pipelines.Experiment) (pipelines.Experiment, error) {
	s.stamp(&e.CreatedAt)
	if e.StorageState == "" {
		e.StorageState = pipelines.Available
	}
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		return insert(tx, experiments, fmt.Sprintf("experiment %q", e.DisplayName), &e)
	})
	return e, err
}

// EnsureExperiment returns the experiment of e's namespace and display name, and
// adds e where there is none. Any number of callers at once get the same one.
func (s *Store) EnsureExperiment(ctx context.Context, e pipelines.Experiment) (out pipelines.Experiment, err error) {
	s.stamp(&e.CreatedAt)
	e.StorageState = pipelines.Available
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(experiments.insertSQL+" ON CONFLICT (namespace, display_name) DO NOTHING", experiments.values(&e)...)
		if err != nil {
			return fmt.Errorf("insert experiment %q: %w", e.DisplayName, err)
		}
		out, err = get(tx, experiments, fmt.Sprintf("experiment %q", e.DisplayName),
			"t.namespace = ? AND t.display_name = ?", e.Namespace, e.DisplayName)
		return err
	})
	return out, err
}

// Experiment finds an experiment by its id.
func (s *Store) Experiment(ctx context.Context, id string) (pipelines.Experiment, error) {
	return read(ctx, s, experiments, "experiment "+id, "t.id = ?", id)
}

// ExperimentByName finds an experiment by its display name.
func (s *Store) ExperimentByName(ctx context.Context, namespace, name string) (pipelines.Experiment, error) {
	return read(ctx, s, experiments, fmt.Sprintf("experiment %q", name),
		"t.namespace = ? AND t.display_name = ?", namespace, name)
}

// ExperimentNamespace is where an experiment lies.
func (s *Store) ExperimentNamespace(ctx context.Context, id string) (string, error) {
	return s.namespaceOf(ctx, "experiments", "experiment", id)
}

// ListExperiments lists a namespace's experiments.
func (s *Store) ListExperiments(ctx context.Context, q ListQuery) (Page[pipelines.Experiment], error) {
	return list(ctx, s, experiments, q, "")
}

// UpdateExperiment changes name, description and storage state. Archiving
// archives the experiment's runs too; the way back leaves them as they are.
func (s *Store) UpdateExperiment(ctx context.Context, id string, change func(*pipelines.Experiment) error) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		e, err := get(tx, experiments, "experiment "+id, "t.id = ?", id)
		if err != nil {
			return err
		}
		before := e.StorageState
		if err := change(&e); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE experiments SET display_name = ?, description = ?, storage_state = ? WHERE id = ?`,
			e.DisplayName, e.Description, string(e.StorageState), id)
		if sqldb.IsDuplicate(err) {
			return fmt.Errorf("experiment %q: %w", e.DisplayName, pipelines.ErrExists)
		}
		if err != nil {
			return fmt.Errorf("update experiment %s: %w", id, err)
		}
		if e.StorageState == pipelines.Archived && before != pipelines.Archived {
			return archiveRuns(tx, e)
		}
		return nil
	})
}

func archiveRuns(tx *sqldb.Tx, e pipelines.Experiment) error {
	_, err := tx.Exec(`UPDATE runs SET storage_state = ? WHERE namespace = ? AND experiment_id = ?`,
		string(pipelines.Archived), e.Namespace, e.ID)
	if err != nil {
		return fmt.Errorf("archive runs of experiment %s: %w", e.ID, err)
	}
	return countArchived(tx, e.Namespace, e.ID)
}

// DeleteExperiment removes an experiment; its runs stay.
func (s *Store) DeleteExperiment(ctx context.Context, id string) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		n, err := remove(tx, "experiments", "id = ?", id)
		if err == nil && n == 0 {
			err = fmt.Errorf("experiment %s: %w", id, pipelines.ErrNotFound)
		}
		return err
	})
}
