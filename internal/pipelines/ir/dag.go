package ir

// DAG is a component made of tasks.
type DAG struct {
	Tasks   map[string]*Task `json:"tasks,omitempty"`
	Outputs *DAGOutputs      `json:"outputs,omitempty"`
}

// DAGOutputs say which task's output becomes the DAG's.
type DAGOutputs struct {
	Parameters map[string]*DAGOutputParameter `json:"parameters,omitempty"`
	Artifacts  map[string]*DAGOutputArtifact  `json:"artifacts,omitempty"`
}

// DAGOutputParameter is one of the two.
type DAGOutputParameter struct {
	ValueFromParameter *ParameterSelector  `json:"valueFromParameter,omitempty"`
	ValueFromOneof     *ParameterSelectors `json:"valueFromOneof,omitempty"`
}

// ParameterSelectors are candidates of which the first that ran wins.
type ParameterSelectors struct {
	ParameterSelectors []ParameterSelector `json:"parameterSelectors,omitempty"`
}

// ParameterSelector names an output parameter of a task of the DAG.
type ParameterSelector struct {
	ProducerSubtask    string `json:"producerSubtask,omitempty"`
	OutputParameterKey string `json:"outputParameterKey,omitempty"`
}

// DAGOutputArtifact has one selector, or several of which the first that ran wins.
type DAGOutputArtifact struct {
	ArtifactSelectors []ArtifactSelector `json:"artifactSelectors,omitempty"`
}

// ArtifactSelector names an output artifact of a task of the DAG.
type ArtifactSelector struct {
	ProducerSubtask   string `json:"producerSubtask,omitempty"`
	OutputArtifactKey string `json:"outputArtifactKey,omitempty"`
}

// Task is one task of a DAG.
type Task struct {
	TaskInfo          TaskInfo           `json:"taskInfo,omitzero"`
	ComponentRef      ComponentRef       `json:"componentRef,omitzero"`
	Inputs            *TaskInputs        `json:"inputs,omitempty"`
	DependentTasks    []string           `json:"dependentTasks,omitempty"`
	CachingOptions    *CachingOptions    `json:"cachingOptions,omitempty"`
	TriggerPolicy     *TriggerPolicy     `json:"triggerPolicy,omitempty"`
	ParameterIterator *ParameterIterator `json:"parameterIterator,omitempty"`
	ArtifactIterator  *ArtifactIterator  `json:"artifactIterator,omitempty"`
	IteratorPolicy    *IteratorPolicy    `json:"iteratorPolicy,omitempty"`
	RetryPolicy       *RetryPolicy       `json:"retryPolicy,omitempty"`
}

// TaskInfo holds the name that people see.
type TaskInfo struct {
	Name string `json:"name,omitempty"`
}

// ComponentRef names the component that the task runs.
type ComponentRef struct {
	Name string `json:"name,omitempty"`
}

// TaskInputs are the sources of a task's inputs by input name.
type TaskInputs struct {
	Parameters map[string]*ParameterSource `json:"parameters,omitempty"`
	Artifacts  map[string]*ArtifactSource  `json:"artifacts,omitempty"`
}

// ParameterSource is one of the four, with an optional selector over its value.
type ParameterSource struct {
	TaskOutputParameter         *TaskOutputParameter `json:"taskOutputParameter,omitempty"`
	RuntimeValue                *Constant            `json:"runtimeValue,omitempty"`
	ComponentInputParameter     string               `json:"componentInputParameter,omitempty"`
	TaskFinalStatus             *FinalStatus         `json:"taskFinalStatus,omitempty"`
	ParameterExpressionSelector string               `json:"parameterExpressionSelector,omitempty"`
}

// TaskOutputParameter names an output parameter of another task of the DAG.
type TaskOutputParameter struct {
	ProducerTask       string `json:"producerTask,omitempty"`
	OutputParameterKey string `json:"outputParameterKey,omitempty"`
}

// FinalStatus names the task whose status is wanted.
type FinalStatus struct {
	ProducerTask string `json:"producerTask,omitempty"`
}

// ArtifactSource is one of the two.
type ArtifactSource struct {
	TaskOutputArtifact     *TaskOutputArtifact `json:"taskOutputArtifact,omitempty"`
	ComponentInputArtifact string              `json:"componentInputArtifact,omitempty"`
}

// TaskOutputArtifact names an output artifact of another task of the DAG.
type TaskOutputArtifact struct {
	ProducerTask      string `json:"producerTask,omitempty"`
	OutputArtifactKey string `json:"outputArtifactKey,omitempty"`
}

// CachingOptions of a task.
type CachingOptions struct {
	EnableCache bool   `json:"enableCache,omitempty"`
	CacheKey    string `json:"cacheKey,omitempty"`
}

// Trigger strategies.
const (
	AllSucceeded = "ALL_UPSTREAM_TASKS_SUCCEEDED"
	AllCompleted = "ALL_UPSTREAM_TASKS_COMPLETED"
)

// TriggerPolicy says whether a task runs once its upstream tasks have ended.
type TriggerPolicy struct {
	Condition string `json:"condition,omitempty"` // CEL
	Strategy  string `json:"strategy,omitempty"`
}

// ParameterIterator runs the task once per item.
type ParameterIterator struct {
	Items     ParameterItems `json:"items,omitzero"`
	ItemInput string         `json:"itemInput,omitempty"`
}

// ParameterItems is a JSON list, or the name of an input of the task.
type ParameterItems struct {
	Raw            *string `json:"raw,omitempty"`
	InputParameter string  `json:"inputParameter,omitempty"`
}

// ArtifactIterator runs the task once per artifact of a list.
type ArtifactIterator struct {
	Items     ArtifactItems `json:"items,omitzero"`
	ItemInput string        `json:"itemInput,omitempty"`
}

// ArtifactItems names an input of the task.
type ArtifactItems struct {
	InputArtifact string `json:"inputArtifact,omitempty"`
}

// IteratorPolicy bounds the iterations that run at once; 0: no bound.
type IteratorPolicy struct {
	ParallelismLimit int `json:"parallelismLimit,omitempty"`
}

// RetryPolicy says how often and after which pauses a failed step is tried again.
// Durations are proto JSON: "3600s".
type RetryPolicy struct {
	MaxRetryCount      int     `json:"maxRetryCount,omitempty"`
	BackoffDuration    string  `json:"backoffDuration,omitempty"`
	BackoffFactor      float64 `json:"backoffFactor,omitempty"`
	BackoffMaxDuration string  `json:"backoffMaxDuration,omitempty"`
}
