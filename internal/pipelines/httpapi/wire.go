package httpapi

import (
	"encoding/json"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// experiment is upstream's Experiment.
type experiment struct {
	ExperimentID     string                 `json:"experiment_id,omitempty"`
	DisplayName      string                 `json:"display_name,omitempty"`
	Description      string                 `json:"description,omitempty"`
	CreatedAt        time.Time              `json:"created_at,omitzero"`
	Namespace        string                 `json:"namespace,omitempty"`
	StorageState     pipelines.StorageState `json:"storage_state,omitempty"`
	LastRunCreatedAt time.Time              `json:"last_run_created_at,omitzero"`
}

func toExperiment(e pipelines.Experiment) experiment {
	return experiment{
		ExperimentID: e.ID, DisplayName: e.DisplayName, Description: e.Description, CreatedAt: e.CreatedAt,
		Namespace: e.Namespace, StorageState: e.StorageState, LastRunCreatedAt: e.LastRunCreatedAt,
	}
}

// pipeline is upstream's Pipeline.
type pipeline struct {
	PipelineID  string            `json:"pipeline_id,omitempty"`
	DisplayName string            `json:"display_name,omitempty"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	CreatedAt   time.Time         `json:"created_at,omitzero"`
	Namespace   string            `json:"namespace,omitempty"`
	Error       *status           `json:"error,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

func toPipeline(p pipelines.Pipeline) pipeline {
	return pipeline{
		PipelineID: p.ID, DisplayName: p.DisplayName, Name: p.Name, Description: p.Description, CreatedAt: p.CreatedAt,
		Namespace: p.Namespace, Tags: p.Tags,
	}
}

// pipelineVersion is upstream's PipelineVersion.
type pipelineVersion struct {
	PipelineID        string            `json:"pipeline_id,omitempty"`
	PipelineVersionID string            `json:"pipeline_version_id,omitempty"`
	DisplayName       string            `json:"display_name,omitempty"`
	Name              string            `json:"name,omitempty"`
	Description       string            `json:"description,omitempty"`
	CreatedAt         time.Time         `json:"created_at,omitzero"`
	PackageURL        *packageURL       `json:"package_url,omitempty"`
	CodeSourceURL     string            `json:"code_source_url,omitempty"`
	PipelineSpec      json.RawMessage   `json:"pipeline_spec,omitempty"`
	Error             *status           `json:"error,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
}

type packageURL struct {
	PipelineURL string `json:"pipeline_url,omitempty"`
}

func toVersion(v pipelines.PipelineVersion) pipelineVersion {
	out := pipelineVersion{
		PipelineID: v.PipelineID, PipelineVersionID: v.ID, DisplayName: v.DisplayName, Name: v.Name, Description: v.Description,
		CreatedAt: v.CreatedAt, CodeSourceURL: v.CodeSourceURL, PipelineSpec: v.Spec, Tags: v.Tags,
	}
	if v.PackageURL != "" {
		out.PackageURL = &packageURL{v.PackageURL}
	}
	return out
}

// pipelineAndVersion is upstream's CreatePipelineAndVersionRequest.
type pipelineAndVersion struct {
	Pipeline        pipeline        `json:"pipeline"`
	PipelineVersion pipelineVersion `json:"pipeline_version"`
}

// status is google.rpc.Status.
type status struct {
	Code    int               `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	Details []json.RawMessage `json:"details,omitempty"`
}

func toStatus(s *pipelines.Status) *status {
	if s == nil {
		return nil
	}
	return &status{Code: s.Code, Message: s.Message}
}
