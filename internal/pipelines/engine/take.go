package engine

import (
	"encoding/json"
	"fmt"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// Take hands out everything that changed since the last Take: the rows to commit,
// then the pods to start and to stop. done means that the run is final and the
// machine is of no further use.
func (m *Machine) Take() (c pipelines.Change, start []Start, stop []Stop, done bool) {
	if m.dirtyRun {
		run := m.run
		c.Run = &run
	}
	if len(m.dirty) > 0 {
		c.Tasks = make([]pipelines.Task, 0, len(m.dirty))
	}
	for _, n := range m.dirty {
		n.dirty = false
		c.Tasks = append(c.Tasks, n.row)
	}
	c.Attempts = latest(m.newAttempts)
	c.Artifacts = m.newFacts
	if len(m.starts) > 0 {
		start = make([]Start, 0, len(m.starts))
	}
	for _, n := range m.starts {
		if n.open() && n.row.State != pipelines.Canceling {
			start = append(start, m.start(n))
		}
	}
	for _, n := range m.stops {
		if n.open() { // its end may have come with the same Advance
			stop = append(stop, Stop{TaskID: n.row.ID, Number: n.attempt.Number, PodName: n.attempt.PodName})
		}
	}
	m.dirtyRun, m.newFacts = false, nil
	m.dirty, m.newAttempts, m.starts, m.stops = m.dirty[:0], m.newAttempts[:0], m.starts[:0], m.stops[:0]
	return c, start, stop, m.run.State.Final()
}

// latest keeps the last row of each attempt, in order.
func latest(attempts []*pipelines.Attempt) []pipelines.Attempt {
	if len(attempts) == 0 {
		return nil
	}
	type key struct {
		task   string
		number int
	}
	out := make([]pipelines.Attempt, 0, len(attempts))
	if len(attempts) == 1 {
		return append(out, *attempts[0])
	}
	at := make(map[key]int, len(attempts))
	for _, a := range attempts {
		k := key{a.TaskID, a.Number}
		if i, ok := at[k]; ok {
			out[i] = *a
			continue
		}
		at[k] = len(out)
		out = append(out, *a)
	}
	return out
}

// Open lists the attempts whose pod may exist: what a new machine's owner looks
// for after it has taken over the run.
func (m *Machine) Open() []Start {
	var open []Start
	if m.root == nil {
		return nil
	}
	m.walk(m.root, func(n *node) {
		if n.open() {
			open = append(open, m.start(n))
		}
	})
	return open
}

func (m *Machine) start(n *node) Start {
	s := Start{Attempt: *n.attempt, Task: n.row, Container: m.container(n)}
	if n.spec != nil {
		s.Spec, n.spec = *n.spec, nil
		return s
	}
	var spec attempt.Spec
	if err := json.Unmarshal(n.attempt.Input, &spec); err == nil { // it was encoded here
		s.Spec = spec
	}
	return s
}

// restore rebuilds the nodes from rows.
func (m *Machine) restore(tasks []pipelines.Task, attempts []pipelines.Attempt) error {
	if len(tasks) == 0 {
		return nil
	}
	byID := make(map[string]*pipelines.Task, len(tasks))
	children := make(map[string][]*pipelines.Task, len(tasks))
	var root *pipelines.Task
	for i := range tasks {
		t := &tasks[i]
		byID[t.ID] = t
		if t.ParentID == "" {
			root = t
		} else {
			children[t.ParentID] = append(children[t.ParentID], t)
		}
	}
	if root == nil {
		return fmt.Errorf("it has tasks and no root task")
	}
	r := &restorer{m: m, children: children, attempts: map[string][]*pipelines.Attempt{}}
	for i := range attempts {
		id := attempts[i].TaskID
		r.attempts[id] = append(r.attempts[id], &attempts[i])
	}
	m.root = &node{row: *root, comp: m.plan.Root}
	return r.node(m.root)
}
