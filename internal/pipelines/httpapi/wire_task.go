package httpapi

import (
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// pipelineTask is upstream's coming PipelineTask (kubeflow/pipelines#12147).
type pipelineTask struct {
	Name             string             `json:"name,omitempty"`
	DisplayName      string             `json:"display_name,omitempty"`
	TaskID           string             `json:"task_id,omitempty"`
	RunID            string             `json:"run_id,omitempty"`
	ParentTaskID     string             `json:"parent_task_id,omitempty"`
	ScopePath        string             `json:"scope_path,omitempty"`
	Type             pipelines.TaskType `json:"type,omitempty"`
	TypeAttributes   *typeAttributes    `json:"type_attributes,omitempty"`
	State            pipelines.State    `json:"state,omitempty"`
	StatusMetadata   *statusMetadata    `json:"status_metadata,omitempty"`
	StateHistory     []stateChange      `json:"state_history,omitempty"`
	Error            *status            `json:"error,omitempty"`
	CreateTime       time.Time          `json:"create_time,omitzero"`
	StartTime        time.Time          `json:"start_time,omitzero"`
	EndTime          time.Time          `json:"end_time,omitzero"`
	Pods             []taskPod          `json:"pods,omitempty"`
	CacheFingerprint string             `json:"cache_fingerprint,omitempty"`
	CachedFrom       string             `json:"cached_from_task_id,omitempty"`
	ChildTasks       []childTask        `json:"child_tasks,omitempty"`
	Inputs           *taskIO            `json:"inputs,omitempty"`
	Outputs          *taskIO            `json:"outputs,omitempty"`
}

type typeAttributes struct {
	IterationIndex *int `json:"iteration_index,omitempty"`
	IterationCount *int `json:"iteration_count,omitempty"`
}

// statusMetadata says why a task waits.
type statusMetadata struct {
	Message string `json:"message,omitempty"`
}

// taskPod is one attempt.
type taskPod struct {
	Name    string          `json:"name,omitempty"`
	Type    string          `json:"type,omitempty"`
	Attempt int             `json:"attempt,omitempty"`
	State   pipelines.State `json:"state,omitempty"`
	Error   *status         `json:"error,omitempty"`
}

type taskIO struct {
	Parameters []ioParameter `json:"parameters,omitempty"`
	Artifacts  []ioArtifact  `json:"artifacts,omitempty"`
}

type ioParameter struct {
	ParameterKey string          `json:"parameter_key"`
	Value        pipelines.Value `json:"value"`
}

type ioArtifact struct {
	ArtifactKey string         `json:"artifact_key"`
	Artifacts   []artifactWire `json:"artifacts"`
}

// artifactWire is upstream's coming Artifact, and where ours came from.
type artifactWire struct {
	ArtifactID    string         `json:"artifact_id"`
	Name          string         `json:"name,omitempty"`
	Type          string         `json:"type,omitempty"`
	URI           string         `json:"uri,omitempty"`
	Metadata      map[string]any `json:"metadata,omitempty"`
	NumberValue   *float64       `json:"number_value,omitempty"`
	CreatedAt     time.Time      `json:"created_at,omitzero"`
	Namespace     string         `json:"namespace,omitempty"`
	SchemaTitle   string         `json:"schema_title,omitempty"`
	SchemaVersion string         `json:"schema_version,omitempty"`
	RunID         string         `json:"run_id,omitempty"`
	TaskID        string         `json:"task_id,omitempty"`
}

func toArtifact(a pipelines.Artifact) artifactWire {
	out := artifactWire{
		ArtifactID: a.ID, Name: a.Name, Type: strings.TrimPrefix(a.SchemaTitle, "system."), URI: a.URI, Metadata: a.Metadata,
		CreatedAt: a.CreatedAt, Namespace: a.Namespace, SchemaTitle: a.SchemaTitle, SchemaVersion: a.SchemaVersion,
		RunID: a.RunID, TaskID: a.TaskID,
	}
	if a.SchemaTitle == "system.Metrics" && len(a.Metadata) == 1 {
		for _, v := range a.Metadata {
			if number, ok := v.(float64); ok {
				out.NumberValue = &number
			}
		}
	}
	return out
}

// snapshot is what the tasks of a run refer to.
type snapshot struct {
	attempts  map[string][]pipelines.Attempt // by task
	artifacts map[string]pipelines.Artifact  // by id
}

func (s *snapshot) toTask(t *pipelines.Task) pipelineTask {
	out := pipelineTask{
		Name: t.Name, DisplayName: taskName(t), TaskID: t.ID, RunID: t.RunID, ParentTaskID: t.ParentID, ScopePath: t.Path,
		Type: t.Type, State: t.State, StateHistory: toHistory(t.History), Error: toStatus(t.Error),
		CreateTime: t.CreatedAt, StartTime: t.StartedAt, EndTime: t.FinishedAt, CacheFingerprint: t.Fingerprint,
		CachedFrom: t.CachedFrom, Inputs: s.toIO(t.Inputs), Outputs: s.toIO(t.Outputs),
	}
	if t.Iteration >= 0 {
		out.TypeAttributes = &typeAttributes{IterationIndex: &t.Iteration}
	}
	if t.Type == pipelines.TaskLoop && t.IterationCount >= 0 {
		out.TypeAttributes = &typeAttributes{IterationCount: &t.IterationCount}
	}
	if t.Why != "" {
		out.StatusMetadata = &statusMetadata{t.Why}
	}
	for _, a := range s.attempts[t.ID] {
		out.Pods = append(out.Pods, taskPod{Name: a.PodName, Type: "EXECUTOR", Attempt: a.Number, State: a.State, Error: toStatus(a.Error)})
	}
	return out
}

func (s *snapshot) toIO(io pipelines.TaskIO) *taskIO {
	if len(io.Parameters) == 0 && len(io.Artifacts) == 0 {
		return nil
	}
	out := &taskIO{}
	for name, value := range sorted(io.Parameters) {
		out.Parameters = append(out.Parameters, ioParameter{name, value})
	}
	for name, ids := range sorted(io.Artifacts) {
		list := ioArtifact{ArtifactKey: name, Artifacts: make([]artifactWire, 0, len(ids))}
		for _, id := range ids {
			a, ok := s.artifacts[id]
			if !ok {
				a = pipelines.Artifact{ID: id} // deleted with the run that made it
			}
			list.Artifacts = append(list.Artifacts, toArtifact(a))
		}
		out.Artifacts = append(out.Artifacts, list)
	}
	return out
}
