package ir

import "encoding/json"

// SchemaVersions lists the versions of the format that are understood.
var SchemaVersions = []string{"2.0.0", "2.1.0", "2.1.1"}

// Spec is a pipeline spec with the platform spec that came with it, if any.
type Spec struct {
	Pipeline *PipelineSpec
	Platform *PlatformSpec
}

// Name is the pipeline's name.
func (s *Spec) Name() string { return s.Pipeline.PipelineInfo.Name }

// PipelineSpec is the first document.
type PipelineSpec struct {
	PipelineInfo        PipelineInfo          `json:"pipelineInfo"`
	DeploymentSpec      DeploymentSpec        `json:"deploymentSpec,omitzero"`
	SDKVersion          string                `json:"sdkVersion,omitempty"`
	SchemaVersion       string                `json:"schemaVersion,omitempty"`
	Components          map[string]*Component `json:"components,omitempty"`
	Root                *Component            `json:"root,omitempty"`
	DefaultPipelineRoot string                `json:"defaultPipelineRoot,omitempty"`
}

// PipelineInfo names the pipeline.
type PipelineInfo struct {
	Name        string `json:"name,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
}

// DeploymentSpec says how components that are not DAGs are executed.
type DeploymentSpec struct {
	Executors map[string]*Executor `json:"executors,omitempty"`
}

// Executor is one of a container, an importer, a resolver or a custom job.
type Executor struct {
	Container *Container      `json:"container,omitempty"`
	Importer  *Importer       `json:"importer,omitempty"`
	Resolver  json.RawMessage `json:"resolver,omitempty"`
	CustomJob json.RawMessage `json:"customJob,omitempty"`
}

// Container is what a step runs.
type Container struct {
	Image           string          `json:"image,omitempty"`
	Command         []string        `json:"command,omitempty"`
	Args            []string        `json:"args,omitempty"`
	Lifecycle       json.RawMessage `json:"lifecycle,omitempty"`
	Resources       *Resources      `json:"resources,omitempty"`
	Env             []EnvVar        `json:"env,omitempty"`
	ImagePullPolicy string          `json:"imagePullPolicy,omitempty"`
}

// EnvVar is a variable of the container.
type EnvVar struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// Resources of a container. The numbers are deprecated (cores, GB); the strings
// are Kubernetes quantities or placeholders, and win.
type Resources struct {
	CPULimit      float64 `json:"cpuLimit,omitempty"`
	MemoryLimit   float64 `json:"memoryLimit,omitempty"`
	CPURequest    float64 `json:"cpuRequest,omitempty"`
	MemoryRequest float64 `json:"memoryRequest,omitempty"`

	ResourceCPULimit      string `json:"resourceCpuLimit,omitempty"`
	ResourceMemoryLimit   string `json:"resourceMemoryLimit,omitempty"`
	ResourceCPURequest    string `json:"resourceCpuRequest,omitempty"`
	ResourceMemoryRequest string `json:"resourceMemoryRequest,omitempty"`

	Accelerator *Accelerator `json:"accelerator,omitempty"`
}

// Accelerator asks for devices. Type and Count are deprecated.
type Accelerator struct {
	Type          string `json:"type,omitempty"`
	Count         Int64  `json:"count,omitempty"`
	ResourceType  string `json:"resourceType,omitempty"`
	ResourceCount string `json:"resourceCount,omitempty"`
}

// Int64 is a 64-bit integer, which proto JSON may write as a string.
type Int64 int64

// Importer registers an artifact that exists already.
type Importer struct {
	ArtifactURI         *Constant           `json:"artifactUri,omitempty"`
	TypeSchema          *ArtifactType       `json:"typeSchema,omitempty"`
	Properties          map[string]Constant `json:"properties,omitempty"`
	CustomProperties    map[string]Constant `json:"customProperties,omitempty"`
	Reimport            bool                `json:"reimport,omitempty"`
	Metadata            json.RawMessage     `json:"metadata,omitempty"`
	DownloadToWorkspace bool                `json:"downloadToWorkspace,omitempty"`
}

// Constant is ValueOrRuntimeParameter: a constant, or a component's input by name.
type Constant struct {
	ConstantValue    *TypedValue     `json:"constantValue,omitempty"` // deprecated
	RuntimeParameter string          `json:"runtimeParameter,omitempty"`
	Constant         json.RawMessage `json:"constant,omitempty"`
}

// TypedValue is the deprecated Value message.
type TypedValue struct {
	IntValue    *Int64   `json:"intValue,omitempty"`
	DoubleValue *float64 `json:"doubleValue,omitempty"`
	StringValue *string  `json:"stringValue,omitempty"`
}

// Component is the definition that a task refers to: a DAG or an executor.
type Component struct {
	InputDefinitions       *InputDefinitions    `json:"inputDefinitions,omitempty"`
	OutputDefinitions      *OutputDefinitions   `json:"outputDefinitions,omitempty"`
	DAG                    *DAG                 `json:"dag,omitempty"`
	ExecutorLabel          string               `json:"executorLabel,omitempty"`
	SinglePlatformSpecs    []SinglePlatformSpec `json:"singlePlatformSpecs,omitempty"`
	TaskConfigPassthroughs []TaskConfigPass     `json:"taskConfigPassthroughs,omitempty"`
}

// TaskConfigPass hands a field of the task's configuration on to the component.
type TaskConfigPass struct {
	Field       string `json:"field,omitempty"`
	ApplyToTask bool   `json:"applyToTask,omitempty"`
}

// InputDefinitions are a component's inputs by name.
type InputDefinitions struct {
	Parameters map[string]*InputParameter `json:"parameters,omitempty"`
	Artifacts  map[string]*InputArtifact  `json:"artifacts,omitempty"`
}

// OutputDefinitions are a component's outputs by name.
type OutputDefinitions struct {
	Parameters map[string]*OutputParameter `json:"parameters,omitempty"`
	Artifacts  map[string]*OutputArtifact  `json:"artifacts,omitempty"`
}

// InputParameter defines an input parameter.
type InputParameter struct {
	Type          string            `json:"type,omitempty"` // deprecated
	ParameterType string            `json:"parameterType,omitempty"`
	DefaultValue  json.RawMessage   `json:"defaultValue,omitempty"`
	IsOptional    bool              `json:"isOptional,omitempty"`
	Description   string            `json:"description,omitempty"`
	Literals      []json.RawMessage `json:"literals,omitempty"`
}

// InputArtifact defines an input artifact.
type InputArtifact struct {
	ArtifactType   *ArtifactType `json:"artifactType,omitempty"`
	IsArtifactList bool          `json:"isArtifactList,omitempty"`
	IsOptional     bool          `json:"isOptional,omitempty"`
	Description    string        `json:"description,omitempty"`
}

// OutputParameter defines an output parameter.
type OutputParameter struct {
	Type          string `json:"type,omitempty"` // deprecated
	ParameterType string `json:"parameterType,omitempty"`
	Description   string `json:"description,omitempty"`
}

// OutputArtifact defines an output artifact.
type OutputArtifact struct {
	ArtifactType     *ArtifactType       `json:"artifactType,omitempty"`
	Properties       map[string]Constant `json:"properties,omitempty"`
	CustomProperties map[string]Constant `json:"customProperties,omitempty"`
	Metadata         json.RawMessage     `json:"metadata,omitempty"`
	IsArtifactList   bool                `json:"isArtifactList,omitempty"`
	Description      string              `json:"description,omitempty"`
}

// ArtifactType is a schema's title or text, and its version.
type ArtifactType struct {
	SchemaTitle    string `json:"schemaTitle,omitempty"`
	SchemaURI      string `json:"schemaUri,omitempty"`
	InstanceSchema string `json:"instanceSchema,omitempty"`
	SchemaVersion  string `json:"schemaVersion,omitempty"`
}

// PlatformSpec is the second document: features of one platform.
type PlatformSpec struct {
	Platforms map[string]*SinglePlatformSpec `json:"platforms,omitempty"`
}

// SinglePlatformSpec holds a platform's executor settings by executor label.
type SinglePlatformSpec struct {
	DeploymentSpec PlatformDeployment `json:"deploymentSpec,omitzero"`
	Platform       string             `json:"platform,omitempty"`
	Config         json.RawMessage    `json:"config,omitempty"`
	PipelineConfig json.RawMessage    `json:"pipelineConfig,omitempty"`
}

// PlatformDeployment holds a platform's executor settings by executor label.
type PlatformDeployment struct {
	Executors map[string]json.RawMessage `json:"executors,omitempty"`
}
