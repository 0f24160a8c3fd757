package engine

import (
	"fmt"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// Machine advances one run. It is not safe for concurrent use.
type Machine struct {
	plan *plan.Plan
	run  pipelines.Run
	env  Env
	now  time.Time

	root      *node
	steps     map[string]*node // by task id: those that have or had a pod
	artifacts map[string]*pipelines.Artifact
	vars      map[string]string // values of the run-wide placeholders
	json      encoder
	// firstFailed is the step (or other task) whose failure came first.
	firstFailed *node
	open        int // attempts whose pod may exist
	terminating bool

	// Work of the current Advance.
	ready    []readyTask
	settled  []*node
	retrying retryQueue

	// Output of Take.
	dirty       []*node
	dirtyRun    bool
	newAttempts []*pipelines.Attempt
	newFacts    []pipelines.Artifact
	starts      []*node
	stops       []*node
}

// readyTask is a task of a running DAG whose upstream tasks are final.
type readyTask struct {
	dag   *node
	index int
}

// New makes the machine of a run, fresh or as the store has it. The error means
// that the snapshot does not fit the plan.
func New(p *plan.Plan, snap Snapshot, env Env) (*Machine, error) {
	m := &Machine{
		plan: p, run: snap.Run, env: env,
		steps:     map[string]*node{},
		artifacts: make(map[string]*pipelines.Artifact, len(snap.Artifacts)),
	}
	m.vars = m.variables()
	for i := range snap.Artifacts {
		m.artifacts[snap.Artifacts[i].ID] = &snap.Artifacts[i]
	}
	if err := m.restore(snap.Tasks, snap.Attempts); err != nil {
		return nil, fmt.Errorf("run %s: %w", snap.Run.ID, err)
	}
	return m, nil
}

// Advance takes in what happened and moves the run on as far as it goes. Its cost
// is that of what changed.
func (m *Machine) Advance(now time.Time, events ...Event) {
	m.now = now
	if m.run.State.Final() {
		return
	}
	if m.root == nil {
		m.begin()
	}
	if !m.run.TerminateRequested.IsZero() {
		m.terminate()
	}
	for _, e := range events {
		m.handle(e)
	}
	m.retryDue()
	m.drain()
	if m.terminating && m.open == 0 {
		m.cancelRest()
	}
}

// Next is when Advance should be called again if no event comes before: a step
// waits to be tried again. It is zero when nothing waits.
func (m *Machine) Next() time.Time {
	if len(m.retrying) == 0 {
		return time.Time{}
	}
	return m.retrying[0].at
}

// Done reports whether the run is final.
func (m *Machine) Done() bool { return m.run.State.Final() }

// Run is the run's row as it is now.
func (m *Machine) Run() pipelines.Run { return m.run }

// drain works until nothing is ready and nothing is settled: without recursion,
// so that a chain of 10,000 skipped tasks is no deeper than one.
func (m *Machine) drain() {
	for len(m.settled)+len(m.ready) > 0 {
		if k := len(m.settled); k > 0 {
			n := m.settled[k-1]
			m.settled = m.settled[:k-1]
			m.settle(n)
			continue
		}
		r := m.ready[0]
		m.ready = m.ready[1:]
		m.activate(r.dag, r.index)
	}
	m.ready = nil // let go of what is consumed
}

// begin starts a fresh run at its root.
func (m *Machine) begin() {
	m.setRun(pipelines.Running, nil)
	m.run.StartedAt = m.now
	n := &node{comp: m.plan.Root, row: pipelines.Task{
		Name: "root", DisplayName: m.plan.Pipeline, Path: "root", Type: pipelines.TaskRoot,
	}}
	m.create(n)
	m.root = n
	inputs, err := rootInputs(m.plan.Root, m.run.Parameters)
	if err != nil {
		m.fail(n, err.Error())
		return
	}
	n.row.Inputs = inputs
	m.enter(n)
}

// create gives a new node its identity and records it.
func (m *Machine) create(n *node) {
	n.row.ID = m.env.NewID()
	n.row.RunID = m.run.ID
	n.row.CreatedAt = m.now
	if n.parent != nil {
		n.row.ParentID = n.parent.row.ID
	}
	if n.parent == nil || !n.parent.loop() {
		n.row.Iteration = -1
	}
	n.row.IterationCount = -1
	n.row.History = make([]pipelines.StateChange, 0, 3) // pending, running, final
	m.setState(n, pipelines.Pending, nil)
}

func (m *Machine) setState(n *node, s pipelines.State, failure *pipelines.Status) {
	n.row.State, n.row.Error = s, failure
	n.row.History = append(n.row.History, pipelines.StateChange{At: m.now, State: s, Error: failure})
	if s.Final() {
		n.row.FinishedAt = m.now
	}
	m.touch(n)
}

func (m *Machine) touch(n *node) {
	if !n.dirty {
		n.dirty = true
		m.dirty = append(m.dirty, n)
	}
}

func (m *Machine) setRun(s pipelines.State, failure *pipelines.Status) {
	m.run.State, m.run.Error = s, failure
	m.run.History = append(m.run.History, pipelines.StateChange{At: m.now, State: s, Error: failure})
	if s.Final() {
		m.run.FinishedAt = m.now
	}
	m.dirtyRun = true
}

// Codes of google.rpc that statuses carry.
const (
	codeCanceled = 1
	codeUnknown  = 2
)

// fail ends a node with a sentence.
func (m *Machine) fail(n *node, message string) {
	n.row.Why = ""
	m.setState(n, pipelines.Failed, &pipelines.Status{Code: codeUnknown, Message: message})
	if m.firstFailed == nil {
		m.firstFailed = n
	}
	m.settled = append(m.settled, n)
}

// succeed ends a node whose outputs are set.
func (m *Machine) succeed(n *node) {
	n.row.Why = ""
	m.setState(n, pipelines.Succeeded, nil)
	m.settled = append(m.settled, n)
}

// skip ends a node that never ran, and says why.
func (m *Machine) skip(n *node, why string) {
	n.row.Why = why
	m.setState(n, pipelines.Skipped, nil)
	m.settled = append(m.settled, n)
}
