package engine

import (
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// Snapshot is a run as the store has it. A fresh run has no tasks.
type Snapshot struct {
	Run       pipelines.Run
	Tasks     []pipelines.Task
	Attempts  []pipelines.Attempt
	Artifacts []pipelines.Artifact
}

// Env is what the machine cannot know by itself.
type Env struct {
	// NewID makes ids of tasks and artifacts: UUIDs.
	NewID func() string
	// DefaultRoot is the pipeline root when neither run nor spec names one.
	DefaultRoot string
	// Bucket is the profile's bucket, where attempts leave outcome, spec and log.
	Bucket string
}

// Event is something that happened outside. The types are listed below.
type Event interface{ event() }

// AttemptFinished says that the attempt's outcome was found.
type AttemptFinished struct {
	TaskID  string
	Number  int
	Outcome *attempt.Outcome
	At      time.Time
}

// AttemptLost says that the attempt's pod is confirmed gone (or has ended) and
// that it left no outcome. The step is tried again, LostLimit times in all. After
// a Stop it is also the answer that the pod is gone.
type AttemptLost struct {
	TaskID string
	Number int
	Reason string // a sentence
}

// TaskWaiting says why a task's pod does not run yet. An empty Why clears it.
type TaskWaiting struct {
	TaskID string
	Why    string // a sentence with its remedy
}

// TaskStarted says that the attempt's pod runs.
type TaskStarted struct {
	TaskID string
	Number int
	At     time.Time
}

// StartRefused says that the attempt can never start and that no pod is left of it.
type StartRefused struct {
	TaskID string
	Number int
	Reason string // a sentence
}

// Terminate ends the run as its user asked. A run whose TerminateRequested is set
// when the machine is made needs no event.
type Terminate struct{}

func (AttemptFinished) event() {}
func (AttemptLost) event()     {}
func (TaskWaiting) event()     {}
func (TaskStarted) event()     {}
func (StartRefused) event()    {}
func (Terminate) event()       {}

// Start asks for the pod of an attempt whose row is committed.
type Start struct {
	Attempt pipelines.Attempt // PodName is the pod to make
	Spec    attempt.Spec
	Task    pipelines.Task
	// Container has its inputs resolved, see plan.Container.
	Container plan.Container
}

// Stop asks for the end of an attempt's pod. The caller reports its end by
// AttemptFinished or AttemptLost.
type Stop struct {
	TaskID  string
	Number  int
	PodName string
}

// LostLimit is how many attempts of one task may be lost (node gone, pod
// deleted) before the task fails.
const LostLimit = 5
