// Package attempt is the protocol between the engine and slipway-agent: what one
// try of a step is to do (Spec) and what became of it (Outcome).
//
// The agent reads the Spec from its pod (inline up to InlineLimit, else from the
// object store), and writes the Outcome as its last act, create-only, to
// <Prefix>/outcome.json. The engine reads the outcome first and the pod's phase
// second. See docs/adr/0003.
package attempt

import (
	"encoding/json"
	"time"
)

// InlineLimit is the size in bytes up to which a Spec travels in the pod itself.
const InlineLimit = 64 << 10

// Names of the objects below Spec.Prefix.
const (
	OutcomeName = "outcome.json"
	SpecName    = "spec.json"
	LogName     = "log"
)

// Environment of the agent. The command that it runs sees none of them.
const (
	// EnvSpec holds the Spec as JSON; EnvSpecObject where it lies (s3://bucket/key)
	// when it is larger than InlineLimit.
	EnvSpec       = "SLIPWAY_ATTEMPT"
	EnvSpecObject = "SLIPWAY_ATTEMPT_OBJECT"
	EnvEndpoint   = "SLIPWAY_S3_ENDPOINT"
	EnvRegion     = "SLIPWAY_S3_REGION"
	EnvAccessKey  = "SLIPWAY_S3_ACCESS_KEY"
	EnvSecretKey  = "SLIPWAY_S3_SECRET_KEY"
)

// Spec is what the agent executes. All parameters and URIs in it are resolved;
// placeholders in Command, Args and Env are not (they may name local paths).
type Spec struct {
	RunID, TaskID string
	Number        int
	TaskName      string
	// Bucket and Prefix say where outcome, spec and log of this attempt lie:
	// s3://Bucket/Prefix/...; Prefix has no slash at either end.
	Bucket, Prefix string

	Command []string
	Args    []string
	Env     []EnvVar

	// Placeholders are the values of {{$.pipeline_job_name}} and the like, by the
	// placeholder's name without braces, for example "pipeline_job_name".
	Placeholders map[string]string

	// ExecutorInput is KFP's ExecutorInput message (camelCase JSON): inputs, and
	// outputs with their generated URIs and files.
	ExecutorInput json.RawMessage
	// OutputParameters gives the parameterType of each output parameter.
	OutputParameters map[string]string
	// OutputArtifacts gives the type of each output artifact.
	OutputArtifacts map[string]ArtifactType
}

// EnvVar is one variable that the pipeline's author set.
type EnvVar struct{ Name, Value string }

// ArtifactType is a schema title and version, for example system.Dataset 0.0.1.
type ArtifactType struct {
	SchemaTitle   string `json:"schemaTitle"`
	SchemaVersion string `json:"schemaVersion"`
	List          bool   `json:"list,omitempty"`
}

// Outcome is the agent's last word on an attempt.
type Outcome struct {
	// Lost marks an outcome that the engine wrote because the agent is gone: it
	// closes the attempt, so that a straggler cannot. The step may be tried again.
	Lost bool `json:"lost,omitempty"`

	Succeeded bool   `json:"succeeded"`
	ExitCode  int    `json:"exitCode"`
	Message   string `json:"message,omitempty"` // why it failed: one sentence
	// LogTail holds the last lines of a failed command's log (at most 4 KiB).
	LogTail    string                     `json:"logTail,omitempty"`
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Artifacts  map[string][]Artifact      `json:"artifacts,omitempty"`
	StartedAt  time.Time                  `json:"startedAt"`
	FinishedAt time.Time                  `json:"finishedAt"`
}

// Artifact is an output artifact as the step left it.
type Artifact struct {
	Name       string         `json:"name"`
	Type       ArtifactType   `json:"type"`
	URI        string         `json:"uri"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	CustomPath string         `json:"customPath,omitempty"`
	// Size in bytes of what was uploaded; -1: nothing was there.
	Size int64 `json:"size"`
}
