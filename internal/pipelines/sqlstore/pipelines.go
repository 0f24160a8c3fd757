package sqlstore

import (
	"context"
	"fmt"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var pipelineTable = table[pipelines.Pipeline]{
	values: func(p *pipelines.Pipeline) []any {
		return []any{p.ID, p.Namespace, p.CreatedBy, p.Name, p.DisplayName, p.Description, sqldb.JSON(p.Tags), sqldb.Micros(p.CreatedAt)}
	},
	scan: func(p *pipelines.Pipeline) []any {
		return []any{&p.ID, &p.Namespace, &p.CreatedBy, &p.Name, &p.DisplayName, &p.Description, sqldb.JSONInto(&p.Tags), sqldb.TimeInto(&p.CreatedAt)}
	},
	id: func(p *pipelines.Pipeline) string { return p.ID },
	fields: map[string]field{
		"pipeline_id": {column: "id"}, "id": {column: "id"},
		"name": {column: "name"}, "display_name": {column: "display_name"},
		"description": {column: "description"}, "namespace": {column: "namespace"},
		"created_at": {column: "created_at", time: true},
		"tags.":      {column: "tags", tags: true},
	},
}.withSQL("pipelines", 1, "id", "namespace", "created_by", "name", "display_name", "description", "tags", "created_at")

// CreatePipeline adds a pipeline; its name is unique in its namespace.
func (s *Store) CreatePipeline(ctx context.Context, p pipelines.Pipeline) (pipelines.Pipeline, error) {
	s.stamp(&p.CreatedAt)
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		return insert(tx, pipelineTable, fmt.Sprintf("pipeline %q", p.Name), &p)
	})
	return p, err
}

// CreatePipelineAndVersion adds a pipeline with its first version, or neither.
func (s *Store) CreatePipelineAndVersion(ctx context.Context, p pipelines.Pipeline, v pipelines.PipelineVersion) (pipelines.Pipeline, pipelines.PipelineVersion, error) {
	s.stamp(&p.CreatedAt)
	s.stamp(&v.CreatedAt)
	v.PipelineID, v.Namespace = p.ID, p.Namespace
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		if err := insert(tx, pipelineTable, fmt.Sprintf("pipeline %q", p.Name), &p); err != nil {
			return err
		}
		return insertVersion(tx, &v)
	})
	return p, v, err
}

// Pipeline finds a pipeline by its id.
func (s *Store) Pipeline(ctx context.Context, id string) (pipelines.Pipeline, error) {
	return read(ctx, s, pipelineTable, "pipeline "+id, "t.id = ?", id)
}

// PipelineByName finds a pipeline by its name.
func (s *Store) PipelineByName(ctx context.Context, namespace, name string) (pipelines.Pipeline, error) {
	return read(ctx, s, pipelineTable, fmt.Sprintf("pipeline %q", name), "t.namespace = ? AND t.name = ?", namespace, name)
}

// PipelineNamespace is where a pipeline lies.
func (s *Store) PipelineNamespace(ctx context.Context, id string) (string, error) {
	return s.namespaceOf(ctx, "pipelines", "pipeline", id)
}

// ListPipelines lists a namespace's pipelines.
func (s *Store) ListPipelines(ctx context.Context, q ListQuery) (Page[pipelines.Pipeline], error) {
	return list(ctx, s, pipelineTable, q, "")
}

// UpdatePipeline changes display name, description and tags.
func (s *Store) UpdatePipeline(ctx context.Context, id string, change func(*pipelines.Pipeline) error) (p pipelines.Pipeline, err error) {
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		if p, err = get(tx, pipelineTable, "pipeline "+id, "t.id = ?", id); err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE pipelines SET display_name = ?, description = ?, tags = ? WHERE id = ?`,
			p.DisplayName, p.Description, sqldb.JSON(p.Tags), id)
		return err
	})
	return p, err
}

// DeletePipeline removes a pipeline. One with versions is refused (ErrConflict)
// unless cascade, which removes them too. Runs stay.
func (s *Store) DeletePipeline(ctx context.Context, id string, cascade bool) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		if _, err := get(tx, pipelineTable, "pipeline "+id, "t.id = ?", id); err != nil {
			return err
		}
		var versionIDs []string
		err := tx.Rows(`SELECT id FROM pipeline_versions WHERE pipeline_id = ?`, []any{id}, func(row sqldb.Scanner) error {
			var v string
			err := row.Scan(&v)
			versionIDs = append(versionIDs, v)
			return err
		})
		if err != nil {
			return fmt.Errorf("versions of pipeline %s: %w", id, err)
		}
		if len(versionIDs) > 0 && !cascade {
			return fmt.Errorf("pipeline %s has %d versions; delete them first, or ask for cascade: %w", id, len(versionIDs), pipelines.ErrConflict)
		}
		for _, v := range versionIDs {
			if err := deleteVersion(tx, v); err != nil {
				return err
			}
		}
		_, err = remove(tx, "pipelines", "id = ?", id)
		return err
	})
}
