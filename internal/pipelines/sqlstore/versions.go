package sqlstore

import (
	"context"
	"fmt"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var versionTable = table[pipelines.PipelineVersion]{
	values: func(v *pipelines.PipelineVersion) []any {
		return []any{v.ID, v.PipelineID, v.Namespace, v.CreatedBy, v.Name, v.DisplayName, v.Description, v.CodeSourceURL,
			v.PackageURL, sqldb.JSON(v.Tags), specDigest(v.Spec), sqldb.Micros(v.CreatedAt)}
	},
	scan: func(v *pipelines.PipelineVersion) []any {
		return []any{&v.ID, &v.PipelineID, &v.Namespace, &v.CreatedBy, &v.Name, &v.DisplayName, &v.Description, &v.CodeSourceURL,
			&v.PackageURL, sqldb.JSONInto(&v.Tags), rawInto(&v.Spec), sqldb.TimeInto(&v.CreatedAt)}
	},
	id: func(v *pipelines.PipelineVersion) string { return v.ID },
	fields: map[string]field{
		"pipeline_version_id": {column: "id"}, "id": {column: "id"}, "pipeline_id": {column: "pipeline_id"},
		"name": {column: "name"}, "display_name": {column: "display_name"},
		"description": {column: "description"},
		"created_at":  {column: "created_at", time: true},
		"tags.":       {column: "tags", tags: true},
	},
}.withSQL("pipeline_versions", 1, "id", "pipeline_id", "namespace", "created_by", "name", "display_name", "description",
	"code_source_url", "package_url", "tags", "spec", "created_at")

// CreatePipelineVersion adds a version; its name is unique in its pipeline, whose
// namespace it takes.
func (s *Store) CreatePipelineVersion(ctx context.Context, v pipelines.PipelineVersion) (pipelines.PipelineVersion, error) {
	s.stamp(&v.CreatedAt)
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		p, err := get(tx, pipelineTable, "pipeline "+v.PipelineID, "t.id = ?", v.PipelineID)
		if err != nil {
			return err
		}
		v.Namespace = p.Namespace
		return insertVersion(tx, &v)
	})
	return v, err
}

func insertVersion(tx *sqldb.Tx, v *pipelines.PipelineVersion) error {
	if err := putSpec(tx, v.Namespace, v.CreatedBy, v.Spec); err != nil {
		return err
	}
	return insert(tx, versionTable, fmt.Sprintf("pipeline version %q", v.Name), v)
}

// PipelineVersion finds a version by its id.
func (s *Store) PipelineVersion(ctx context.Context, id string) (pipelines.PipelineVersion, error) {
	return read(ctx, s, versionTable, "pipeline version "+id, "t.id = ?", id)
}

// LatestPipelineVersion is a pipeline's default: the one that was created last.
func (s *Store) LatestPipelineVersion(ctx context.Context, pipelineID string) (pipelines.PipelineVersion, error) {
	return read(ctx, s, versionTable, "version of pipeline "+pipelineID,
		"t.pipeline_id = ? ORDER BY t.created_at DESC, t.id DESC LIMIT 1", pipelineID)
}

// ListPipelineVersions lists the versions of the pipeline q.Parent.
func (s *Store) ListPipelineVersions(ctx context.Context, q ListQuery) (Page[pipelines.PipelineVersion], error) {
	return list(ctx, s, versionTable, q, "pipeline_id")
}

// UpdatePipelineVersion changes display name, description and tags.
func (s *Store) UpdatePipelineVersion(ctx context.Context, id string, change func(*pipelines.PipelineVersion) error) (v pipelines.PipelineVersion, err error) {
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		if v, err = get(tx, versionTable, "pipeline version "+id, "t.id = ?", id); err != nil {
			return err
		}
		if err := change(&v); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE pipeline_versions SET display_name = ?, description = ?, tags = ? WHERE id = ?`,
			v.DisplayName, v.Description, sqldb.JSON(v.Tags), id)
		return err
	})
	return v, err
}

// DeletePipelineVersion removes a version; its runs keep their spec.
func (s *Store) DeletePipelineVersion(ctx context.Context, id string) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error { return deleteVersion(tx, id) })
}

func deleteVersion(tx *sqldb.Tx, id string) error {
	v, err := get(tx, versionTable, "pipeline version "+id, "t.id = ?", id)
	if err != nil {
		return err
	}
	if _, err := remove(tx, "pipeline_versions", "id = ?", id); err != nil {
		return err
	}
	return dropSpec(tx, v.Namespace, specDigest(v.Spec))
}
