package engine

import (
	"github.com/slipway-ml/slipway/internal/pipelines"
)

// terminate stops what runs and starts nothing new. The run is CANCELING until the
// end of each open attempt is known. Calling it again asks for the same stops only
// where a new machine has not asked yet.
func (m *Machine) terminate() {
	if m.terminating {
		return
	}
	m.terminating = true
	if m.run.State != pipelines.Canceling {
		m.setRun(pipelines.Canceling, &pipelines.Status{Code: codeCanceled, Message: "terminated by its user"})
	}
	m.ready = nil
	m.walk(m.root, func(n *node) {
		if !n.open() {
			return
		}
		if n.row.State != pipelines.Canceling {
			n.row.Why = ""
			m.setState(n, pipelines.Canceling, nil)
		}
		m.stops = append(m.stops, n)
	})
}

// cancel ends a step that was stopped.
func (m *Machine) cancel(n *node) {
	n.row.Why = ""
	m.setState(n, pipelines.Canceled, &pipelines.Status{Code: codeCanceled, Message: "the run was terminated"})
	m.settled = append(m.settled, n)
}

// cancelRest ends everything that is not final once no attempt is open.
func (m *Machine) cancelRest() {
	m.walk(m.root, func(n *node) {
		if !n.final() {
			n.row.Why = ""
			m.setState(n, pipelines.Canceled, &pipelines.Status{Code: codeCanceled, Message: "the run was terminated"})
		}
	})
	m.settled, m.retrying = nil, nil
	if !m.run.State.Final() {
		m.setRun(pipelines.Canceled, &pipelines.Status{Code: codeCanceled, Message: "terminated by its user"})
	}
}

// walk visits the nodes that are not final, parents first.
func (m *Machine) walk(root *node, visit func(*node)) {
	todo := []*node{root}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n == nil || n.final() {
			continue
		}
		visit(n)
		todo = append(todo, n.children...)
	}
}
