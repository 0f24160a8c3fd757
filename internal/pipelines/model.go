// Package pipelines holds the nouns of the pipelines domain: experiments,
// pipelines and their versions, runs, tasks, attempts and artifacts, as the
// SQL store records them.
//
// It is the one internal model: REST v2beta1, the engine and the command line
// convert to and from it. It follows the task/artifact model that upstream is
// moving to (Kubeflow Pipelines issue 12147); run_details.task_details is a face
// of it. It knows no clock, no database and no client.
package pipelines

import (
	"encoding/json"
	"errors"
	"time"
)

// Sentinel errors of the stores, mapped once to HTTP and gRPC codes.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrFenced says that the run's lease is no longer held in the version that
	// the write carries: another server advances the run now.
	ErrFenced = errors.New("lease lost")
	// ErrConflict says that the row's state does not allow the change.
	ErrConflict = errors.New("conflict")
)

// Value is a parameter's value: compact JSON text, "null" for null.
type Value = json.RawMessage

// StorageState says whether an experiment or a run is archived.
type StorageState string

// Storage states, spelled as on the wire.
const (
	Available StorageState = "AVAILABLE"
	Archived  StorageState = "ARCHIVED"
)

// State is the state of a run or a task, spelled as on the wire. CACHED is a
// state of tasks alone.
type State string

// States of runs and tasks.
const (
	Pending   State = "PENDING"
	Running   State = "RUNNING"
	Succeeded State = "SUCCEEDED"
	Skipped   State = "SKIPPED"
	Failed    State = "FAILED"
	Cached    State = "CACHED"
	Canceling State = "CANCELING"
	Canceled  State = "CANCELED"
	Paused    State = "PAUSED"
)

// Final reports whether nothing follows after s.
func (s State) Final() bool {
	switch s {
	case Succeeded, Skipped, Failed, Cached, Canceled:
		return true
	default:
		return false
	}
}

// Status is an error as users see it: a google.rpc code and a sentence.
type Status struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// StateChange is one entry of a state history.
type StateChange struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`
	Error *Status   `json:"error,omitempty"`
}

// Experiment groups runs. Its namespace is that of its runs.
type Experiment struct {
	ID, Namespace, CreatedBy string
	DisplayName, Description string
	StorageState             StorageState
	CreatedAt                time.Time
	LastRunCreatedAt         time.Time // zero: none yet
}

// Pipeline names a series of versions. Name is unique in its namespace.
type Pipeline struct {
	ID, Namespace, CreatedBy       string
	Name, DisplayName, Description string
	Tags                           map[string]string
	CreatedAt                      time.Time
}

// PipelineVersion is one compiled pipeline. Name is unique in its pipeline.
type PipelineVersion struct {
	ID, PipelineID, Namespace, CreatedBy string
	Name, DisplayName, Description       string
	CodeSourceURL, PackageURL            string
	Tags                                 map[string]string
	// Spec is the JSON of the pipeline spec: bare, or
	// {"pipeline_spec":...,"platform_spec":...} when a platform document came with it.
	Spec      json.RawMessage
	CreatedAt time.Time
}

// Run is one execution of a pipeline.
type Run struct {
	ID, Namespace, CreatedBy string
	ExperimentID             string
	DisplayName, Description string
	StorageState             StorageState
	ServiceAccount           string

	// PipelineID and PipelineVersionID are empty for a run of an inline spec.
	PipelineID, PipelineVersionID string
	RecurringRunID                string
	// Spec is what runs, always stored with the run (see PipelineVersion.Spec).
	Spec json.RawMessage
	// Parameters are the runtime parameters as given, without defaults.
	Parameters   map[string]Value
	PipelineRoot string // as given; empty: the profile's default root
	CacheOff     bool   // caching switched off for the whole run

	State   State
	Error   *Status
	History []StateChange
	// TerminateRequested is set once by a user and read by whoever advances the run.
	TerminateRequested time.Time

	CreatedAt, ScheduledAt, StartedAt, FinishedAt time.Time

	Lease Lease
}

// Lease says who advances a run. Every write of the engine carries its Version.
type Lease struct {
	RunID   string
	Owner   string
	Version int64
	Until   time.Time
}

// TaskType follows upstream's coming API.
type TaskType string

// Task types.
const (
	TaskRoot            TaskType = "ROOT"
	TaskRuntime         TaskType = "RUNTIME"          // a step: one pod an attempt
	TaskConditionBranch TaskType = "CONDITION_BRANCH" // the wrapper of if/elif/else
	TaskCondition       TaskType = "CONDITION"        // one branch
	TaskLoop            TaskType = "LOOP"             // children: one TaskDAG per iteration
	TaskExitHandler     TaskType = "EXIT_HANDLER"
	TaskImporter        TaskType = "IMPORTER"
	TaskDAG             TaskType = "DAG" // nested pipeline, or one iteration of a loop
)

// Task is one instance of a task of the compiled pipeline: a task inside a loop
// has one row per iteration.
type Task struct {
	ID, RunID string
	ParentID  string // empty for the root task
	// Name is the task's key in its DAG ("root" for the root, "train" ...).
	Name string
	// DisplayName is taskInfo.name.
	DisplayName string
	// Path is unique in the run: names joined by '/', iterations as "[i]", for
	// example "root/for-loop-1/[3]/train".
	Path string
	Type TaskType
	// Iteration is the index of the iteration that the row stands for; -1: none.
	Iteration int
	// IterationCount is set on loops once their items are known; -1: not known.
	IterationCount int

	State   State
	Error   *Status
	History []StateChange
	// Why is a sentence about a task that waits (image, scheduling, quota), with
	// its remedy; empty when nothing is wrong.
	Why string

	Inputs, Outputs TaskIO
	// PodName is that of the latest attempt.
	PodName string
	// Fingerprint is the cache key; CachedFrom the task whose outputs were reused.
	Fingerprint, CachedFrom string

	CreatedAt, StartedAt, FinishedAt time.Time
}

// TaskIO are a task's resolved inputs or its outputs, by name.
type TaskIO struct {
	Parameters map[string]Value `json:"parameters,omitempty"`
	// Artifacts holds artifact ids; more than one for lists.
	Artifacts map[string][]string `json:"artifacts,omitempty"`
}

// Artifact is a fact about an object in S3 (or elsewhere) that a task made.
type Artifact struct {
	ID, Namespace, RunID, TaskID string
	// Name is the output's name in its component.
	Name string
	// SchemaTitle and SchemaVersion are the type, for example "system.Model", "0.0.1".
	SchemaTitle, SchemaVersion string
	URI                        string
	Metadata                   map[string]any
	CustomPath                 string
	CreatedAt                  time.Time
}

// Attempt is one try of a step. Its row, with the resolved inputs, is committed
// before its pod is made; see docs/adr/0003.
type Attempt struct {
	TaskID, RunID string
	Number        int // from 1
	PodName       string
	// Input is the attempt.Spec as JSON: everything that the agent needs.
	Input json.RawMessage
	// State is Running until the outcome or the pod's end is recorded.
	State   State
	Error   *Status
	Outcome json.RawMessage // attempt.Outcome; nil: none was written

	CreatedAt, StartedAt, FinishedAt time.Time
}

// Change is what one commit of the engine writes: rows are upserted whole. The
// store applies all of it or nothing, and only if the lease is still held.
type Change struct {
	Run       *Run // state, error, history, times alone are written
	Tasks     []Task
	Attempts  []Attempt
	Artifacts []Artifact
}
