package httpapi

import (
	"encoding/json"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// run is upstream's Run. Of a request, what the server decides is read and ignored.
type run struct {
	ExperimentID   string                     `json:"experiment_id,omitempty"`
	RunID          string                     `json:"run_id,omitempty"`
	DisplayName    string                     `json:"display_name,omitempty"`
	StorageState   pipelines.StorageState     `json:"storage_state,omitempty"`
	Description    string                     `json:"description,omitempty"`
	VersionID      string                     `json:"pipeline_version_id,omitempty"`
	PipelineSpec   json.RawMessage            `json:"pipeline_spec,omitempty"`
	Version        *versionReference          `json:"pipeline_version_reference,omitempty"`
	RuntimeConfig  *runtimeConfig             `json:"runtime_config,omitempty"`
	ServiceAccount string                     `json:"service_account,omitempty"`
	CreatedAt      time.Time                  `json:"created_at,omitzero"`
	ScheduledAt    time.Time                  `json:"scheduled_at,omitzero"`
	FinishedAt     time.Time                  `json:"finished_at,omitzero"`
	State          pipelines.State            `json:"state,omitempty"`
	Error          *status                    `json:"error,omitempty"`
	RunDetails     *runDetails                `json:"run_details,omitempty"`
	RecurringRunID string                     `json:"recurring_run_id,omitempty"`
	StateHistory   []stateChange              `json:"state_history,omitempty"`
	PluginsInput   map[string]json.RawMessage `json:"plugins_input,omitempty"`
	PluginsOutput  map[string]json.RawMessage `json:"plugins_output,omitempty"`
}

type versionReference struct {
	PipelineID        string `json:"pipeline_id,omitempty"`
	PipelineVersionID string `json:"pipeline_version_id,omitempty"`
}

type runtimeConfig struct {
	Parameters   map[string]pipelines.Value `json:"parameters,omitempty"`
	PipelineRoot string                     `json:"pipeline_root,omitempty"`
}

type stateChange struct {
	UpdateTime time.Time       `json:"update_time,omitzero"`
	State      pipelines.State `json:"state,omitempty"`
	Error      *status         `json:"error,omitempty"`
}

type runDetails struct {
	PipelineContextID    string       `json:"pipeline_context_id,omitempty"`
	PipelineRunContextID string       `json:"pipeline_run_context_id,omitempty"`
	TaskDetails          []taskDetail `json:"task_details,omitempty"`
}

// taskDetail is upstream's PipelineTaskDetail of today.
type taskDetail struct {
	RunID        string                  `json:"run_id,omitempty"`
	TaskID       string                  `json:"task_id,omitempty"`
	DisplayName  string                  `json:"display_name,omitempty"`
	CreateTime   time.Time               `json:"create_time,omitzero"`
	StartTime    time.Time               `json:"start_time,omitzero"`
	EndTime      time.Time               `json:"end_time,omitzero"`
	Executor     *executorDetail         `json:"executor_detail,omitempty"`
	State        pipelines.State         `json:"state,omitempty"`
	ExecutionID  string                  `json:"execution_id,omitempty"`
	Error        *status                 `json:"error,omitempty"`
	Inputs       map[string]artifactList `json:"inputs,omitempty"`
	Outputs      map[string]artifactList `json:"outputs,omitempty"`
	ParentTaskID string                  `json:"parent_task_id,omitempty"`
	StateHistory []stateChange           `json:"state_history,omitempty"`
	PodName      string                  `json:"pod_name,omitempty"`
	ChildTasks   []childTask             `json:"child_tasks,omitempty"`
}

type executorDetail struct {
	MainJob string `json:"main_job,omitempty"`
}

type artifactList struct {
	ArtifactIDs []string `json:"artifact_ids"`
}

type childTask struct {
	TaskID string `json:"task_id,omitempty"`
}

// toRun is a run without its tasks, as lists and new runs show it.
func toRun(r *pipelines.Run) run {
	out := run{
		ExperimentID: r.ExperimentID, RunID: r.ID, DisplayName: r.DisplayName, StorageState: r.StorageState,
		Description: r.Description, ServiceAccount: r.ServiceAccount, CreatedAt: r.CreatedAt, ScheduledAt: r.ScheduledAt,
		FinishedAt: r.FinishedAt, State: r.State, Error: toStatus(r.Error), RecurringRunID: r.RecurringRunID,
		StateHistory: toHistory(r.History),
	}
	if r.PipelineVersionID != "" {
		out.Version = &versionReference{PipelineID: r.PipelineID, PipelineVersionID: r.PipelineVersionID}
	} else {
		out.PipelineSpec = r.Spec
	}
	if len(r.Parameters) > 0 || r.PipelineRoot != "" {
		out.RuntimeConfig = &runtimeConfig{Parameters: r.Parameters, PipelineRoot: r.PipelineRoot}
	}
	return out
}

// toRunWithTasks adds the face of the tasks, and the reason why the run waits
// where a task has one.
func toRunWithTasks(r *pipelines.Run, tasks []pipelines.Task) run {
	out := toRun(r)
	children := map[string][]childTask{}
	for _, t := range tasks {
		if t.ParentID != "" {
			children[t.ParentID] = append(children[t.ParentID], childTask{t.ID})
		}
	}
	details := make([]taskDetail, len(tasks))
	for i := range tasks {
		details[i] = toTaskDetail(&tasks[i])
		details[i].ChildTasks = children[tasks[i].ID]
		if out.Error == nil && !r.State.Final() && tasks[i].Why != "" {
			out.Error = waiting(tasks[i].Path + ": " + tasks[i].Why)
		}
	}
	out.RunDetails = &runDetails{TaskDetails: details}
	return out
}

func toTaskDetail(t *pipelines.Task) taskDetail {
	out := taskDetail{
		RunID: t.RunID, TaskID: t.ID, DisplayName: taskName(t), CreateTime: t.CreatedAt, StartTime: t.StartedAt, EndTime: t.FinishedAt,
		State: legalState(t.State), Error: toStatus(t.Error), ParentTaskID: t.ParentID, StateHistory: toHistory(t.History),
		PodName: t.PodName, Inputs: toArtifactLists(t.Inputs.Artifacts), Outputs: toArtifactLists(t.Outputs.Artifacts),
	}
	if t.Type == pipelines.TaskRoot {
		out.DisplayName = t.Name // clients look for "root"
	}
	if t.PodName != "" {
		out.Executor = &executorDetail{MainJob: t.PodName}
	}
	if out.Error == nil && t.Why != "" && !t.State.Final() {
		out.Error = waiting(t.Why)
	}
	return out
}

// waiting is the status of something that cannot go on yet (google.rpc UNAVAILABLE).
func waiting(why string) *status { return &status{Code: 14, Message: why} }

func taskName(t *pipelines.Task) string {
	if t.DisplayName != "" {
		return t.DisplayName
	}
	return t.Name
}

// legalState is a state that today's clients know: they have no CACHED.
func legalState(s pipelines.State) pipelines.State {
	if s == pipelines.Cached {
		return pipelines.Succeeded
	}
	return s
}

func toHistory(history []pipelines.StateChange) []stateChange {
	out := make([]stateChange, len(history))
	for i, h := range history {
		out[i] = stateChange{UpdateTime: h.At, State: legalState(h.State), Error: toStatus(h.Error)}
	}
	return out
}

func toArtifactLists(artifacts map[string][]string) map[string]artifactList {
	if len(artifacts) == 0 {
		return nil
	}
	out := make(map[string]artifactList, len(artifacts))
	for name, ids := range artifacts {
		out[name] = artifactList{ids}
	}
	return out
}
