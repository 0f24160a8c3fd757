package engine

import (
	"fmt"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// activate brings a task of a running DAG to life: all that it waits for is final.
func (m *Machine) activate(dag *node, index int) {
	t := dag.comp.DAG.Tasks[index]
	n := &node{task: t, comp: t.Component, parent: dag, row: pipelines.Task{
		Name: t.Name, DisplayName: t.DisplayName, Path: dag.row.Path + "/" + t.Name, Type: t.Type,
	}}
	dag.children[index] = n
	m.create(n)
	if why := blocked(dag, t); why != "" {
		m.skip(n, why)
		return
	}
	inputs, err := m.resolve(dag, n)
	if err != nil {
		m.fail(n, err.Error())
		return
	}
	n.row.Inputs = inputs
	if t.Condition != nil {
		holds, err := t.Condition.Holds(inputs.Parameters)
		if err != nil {
			m.fail(n, err.Error())
			return
		}
		if !holds {
			m.skip(n, "its condition is false: "+t.Condition.Text)
			return
		}
	}
	m.enter(n)
}

// blocked says why a task must not run after its upstream tasks; empty if it may.
func blocked(dag *node, t *plan.Task) string {
	if t.AlwaysRun {
		return ""
	}
	why := ""
	for _, i := range t.DependsOn {
		up := dag.children[i]
		switch up.row.State {
		case pipelines.Succeeded, pipelines.Cached:
		case pipelines.Failed:
			return fmt.Sprintf("task %q, which it needs, failed", up.row.Name)
		default:
			why = fmt.Sprintf("task %q, which it needs, was skipped", up.row.Name)
		}
	}
	return why
}

// enter starts a node whose inputs are resolved.
func (m *Machine) enter(n *node) {
	switch {
	case n.loop():
		m.enterLoop(n)
	case n.comp.DAG != nil:
		m.enterDAG(n)
	default:
		m.tryStep(n)
	}
}

func (m *Machine) running(n *node) {
	n.row.StartedAt = m.now
	m.setState(n, pipelines.Running, nil)
}

func (m *Machine) enterDAG(n *node) {
	m.running(n)
	tasks := n.comp.DAG.Tasks
	n.children = make([]*node, len(tasks))
	n.waits = make([]int32, len(tasks))
	n.left = len(tasks)
	for i, t := range tasks {
		n.waits[i] = int32(len(t.DependsOn))
		if n.waits[i] == 0 {
			m.ready = append(m.ready, readyTask{n, i})
		}
	}
	if n.left == 0 {
		m.finish(n)
	}
}

func (m *Machine) enterLoop(n *node) {
	if err := n.resolveItems(); err != nil {
		m.fail(n, err.Error())
		return
	}
	n.row.IterationCount = n.left
	m.running(n)
	n.children = make([]*node, n.left)
	if n.left == 0 {
		m.finish(n)
		return
	}
	m.iterate(n)
}

// iterate starts iterations as far as the loop's limit allows.
func (m *Machine) iterate(loop *node) {
	limit := loop.task.Loop.Limit
	for loop.next < len(loop.children) && (limit == 0 || loop.running < limit) {
		i := loop.next
		loop.next++
		loop.running++
		n := &node{task: loop.task, comp: loop.comp, parent: loop, row: pipelines.Task{
			Name: loop.row.Name, DisplayName: fmt.Sprintf("%s [%d]", loop.row.DisplayName, i),
			Path: iterationPath(loop.row.Path, i), Type: iterationType(loop.comp), Iteration: i,
		}}
		loop.children[i] = n
		m.create(n)
		inputs, err := loop.iterationInputs(i)
		if err != nil {
			m.fail(n, err.Error())
			continue
		}
		n.row.Inputs = inputs
		m.enter(n)
	}
}

func iterationType(c *plan.Component) pipelines.TaskType {
	if c.DAG != nil {
		return pipelines.TaskDAG
	}
	return pipelines.TaskRuntime
}

// settle tells a final node's parent.
func (m *Machine) settle(n *node) {
	p := n.parent
	if p == nil {
		m.finishRun()
		return
	}
	if p.final() || m.terminating { // cancelRest ends the rest at once
		return
	}
	if n.row.State == pipelines.Failed && p.failed == nil {
		p.failed = n
	}
	p.left--
	if p.loop() {
		p.running--
		m.iterate(p)
	} else {
		for _, d := range n.task.Dependents {
			if p.waits[d]--; p.waits[d] == 0 {
				m.ready = append(m.ready, readyTask{p, d})
			}
		}
	}
	if p.left == 0 {
		m.finish(p)
	}
}

// finish ends a DAG or a loop whose children are all final.
func (m *Machine) finish(n *node) {
	if f := n.failed; f != nil {
		n.row.Outputs = m.outputs(n) // what succeeded stays visible
		message := fmt.Sprintf("task %q failed", f.row.Name)
		if n.loop() {
			message = fmt.Sprintf("iteration %d failed", f.row.Iteration)
		}
		m.fail(n, message)
		return
	}
	n.row.Outputs = m.outputs(n)
	m.succeed(n)
}

// finishRun ends the run as its root ended.
func (m *Machine) finishRun() {
	switch {
	case m.terminating:
		m.setRun(pipelines.Canceled, m.run.Error)
	case m.root.row.State == pipelines.Failed:
		m.setRun(pipelines.Failed, &pipelines.Status{Code: codeUnknown, Message: m.failure()})
	default:
		m.setRun(m.root.row.State, nil)
	}
}
