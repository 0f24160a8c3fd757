package plan

import (
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// Plan is a compiled pipeline. It is read-only and may be shared.
type Plan struct {
	Pipeline string
	// DefaultRoot is the pipeline root that the spec names, or empty.
	DefaultRoot string
	// Root is the pipeline itself.
	Root *Component
}

// Component is what a task runs: Container or DAG is set.
type Component struct {
	Name   string
	Inputs struct {
		Parameters []InputParameter // sorted by name
		Artifacts  []InputArtifact
	}
	Outputs struct {
		Parameters []OutputParameter
		Artifacts  []OutputArtifact
	}
	Container *Container
	DAG       *DAG
}

// InputParameter is a declared input.
type InputParameter struct {
	Name     string
	Type     artifact.ParamType
	Default  artifact.Value // nil: none
	Optional bool
	Literals []artifact.Value
}

// InputArtifact is a declared input.
type InputArtifact struct {
	Name     string
	List     bool
	Optional bool
}

// OutputParameter is a declared output.
type OutputParameter struct {
	Name string
	Type artifact.ParamType
}

// OutputArtifact is a declared output.
type OutputArtifact struct {
	Name     string
	Type     attempt.ArtifactType
	Metadata map[string]any
}

// Container is what a step's pod runs. In a plan its texts may hold placeholders;
// in engine.Start those of Image, Env, Resources and ImagePullPolicy that name
// inputs are resolved, those of Command and Args are left to the agent.
type Container struct {
	Image   string
	Command []string
	Args    []string
	Env     []attempt.EnvVar
	// ImagePullPolicy is Always, IfNotPresent, Never, or empty.
	ImagePullPolicy string
	Resources       Resources
	// Uses names the placeholders of run and task (pipeline_job_name ...) that
	// Command, Args and Env hold.
	Uses []string
}

// Resources are Kubernetes quantities; empty: not set.
type Resources struct {
	CPURequest, CPULimit       string
	MemoryRequest, MemoryLimit string
	// AcceleratorType is a resource name such as nvidia.com/gpu.
	AcceleratorType, AcceleratorCount string
}

// DAG is a graph of tasks. Tasks are ordered so that each comes after those it
// waits for, in the same order every time.
type DAG struct {
	Tasks   []*Task
	Outputs []Output
}

// Task is a node of a DAG.
type Task struct {
	Index       int // in DAG.Tasks
	Name        string
	DisplayName string
	Type        pipelines.TaskType
	Component   *Component

	Parameters []ParameterSource // sorted by name
	Artifacts  []ArtifactSource

	// DependsOn and Dependents are indexes into DAG.Tasks.
	DependsOn, Dependents []int

	// Condition is nil when the task always runs.
	Condition *Expr
	// AlwaysRun is set by the strategy ALL_UPSTREAM_TASKS_COMPLETED: the task runs
	// however its upstream tasks ended.
	AlwaysRun bool
	Loop      *Loop  // nil: not a loop
	Retry     *Retry // nil: none
}

// SourceKind says where an input comes from.
type SourceKind int

// Kinds of sources.
const (
	FromConstant SourceKind = iota
	FromInput               // an input of the enclosing DAG
	FromTask                // an output of another task of the DAG
	FromStatus              // the final status of another task
)

// ParameterSource feeds one input parameter.
type ParameterSource struct {
	Name     string
	Kind     SourceKind
	Constant artifact.Value // FromConstant
	// Template says that there are placeholders in Constant.
	Template bool
	Input    string // FromInput
	Task     int    // FromTask, FromStatus: index of the producer
	Output   string // FromTask
	Selector *Expr  // nil: the value as it is
}

// ArtifactSource feeds one input artifact from FromInput or FromTask.
type ArtifactSource struct {
	Name   string
	Kind   SourceKind
	Input  string
	Task   int
	Output string
}

// Output says what becomes the DAG's output.
type Output struct {
	Name     string
	Artifact bool
	// From holds one producer, or the candidates of a dsl.OneOf: the first that
	// succeeded wins.
	From  []Selector
	OneOf bool
	// Collected says that the producer is itself a loop (or hands on what a loop
	// collected): an enclosing loop concatenates such lists.
	Collected bool
}

// Selector names an output of a task of the DAG.
type Selector struct {
	Task   int
	Output string
}

// Loop describes a dsl.ParallelFor: over a JSON list, or over an input of the task.
type Loop struct {
	Items artifact.Value // a JSON list; nil: take ItemsFrom
	// ItemsFrom names an input parameter, or an artifact list if Artifacts is set.
	ItemsFrom string
	Artifacts bool
	// ItemsUsed says that a task in the loop reads ItemsFrom as a whole.
	ItemsUsed bool
	ItemInput string
	Limit     int // iterations at once; 0: no bound
}

// Retry is a task's retry policy.
type Retry struct {
	Max        int
	Backoff    time.Duration
	Factor     float64
	MaxBackoff time.Duration
}
