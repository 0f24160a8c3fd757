package engine

import (
	"fmt"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// node is an instance of a task: the root, a task of a DAG, or an iteration of a
// loop. Its row is what the store has, or will have after the next Take.
type node struct {
	row    pipelines.Task
	task   *plan.Task // nil for the root
	comp   *plan.Component
	parent *node
	dirty  bool

	// children are by task index in a DAG and by iteration in a loop; nil where no
	// row exists yet. left counts those that are not final.
	children []*node
	left     int
	// failed is the first child that failed.
	failed *node

	waits   []int32          // DAG: per child, upstream tasks that are not final
	items   []artifact.Value // loop over parameters
	ids     []string         // loop over artifacts
	next    int              // loop: the next iteration to start
	running int              // loop: iterations that are not final

	attempt *pipelines.Attempt // latest, of a step
	spec    *attempt.Spec      // of an attempt that Take has not handed out yet
	lost    int                // attempts that left no outcome
	tries   int                // attempts that failed by their outcome
}

// loop reports whether the node is a whole loop, not one of its iterations.
func (n *node) loop() bool { return n.row.Type == pipelines.TaskLoop }

// step reports whether the node runs as a pod.
func (n *node) step() bool { return n.row.Type == pipelines.TaskRuntime }

func (n *node) final() bool { return n.row.State.Final() }

// open reports whether a pod of the node may exist.
func (n *node) open() bool { return n.attempt != nil && n.attempt.State == pipelines.Running }

// iterationPath is the path of an iteration below its loop.
func iterationPath(loop string, i int) string { return fmt.Sprintf("%s/[%d]", loop, i) }
