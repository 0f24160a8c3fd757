package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// restorer rebuilds a machine from the rows of a store.
type restorer struct {
	m        *Machine
	children map[string][]*pipelines.Task
	attempts map[string][]*pipelines.Attempt
}

// node restores a node whose row is set, and all below it.
func (r *restorer) node(n *node) error {
	if n.row.State == pipelines.Failed && n.comp.DAG == nil {
		if f := r.m.firstFailed; f == nil || n.row.FinishedAt.Before(f.row.FinishedAt) {
			r.m.firstFailed = n
		}
	}
	switch {
	case n.row.State == pipelines.Skipped || (n.row.State == pipelines.Failed && len(r.children[n.row.ID]) == 0):
		return nil
	case n.loop():
		return r.loop(n)
	case n.comp.DAG != nil:
		return r.dag(n)
	default:
		r.step(n)
		return nil
	}
}

func (r *restorer) step(n *node) {
	attempts := r.attempts[n.row.ID]
	slices.SortFunc(attempts, func(a, b *pipelines.Attempt) int { return cmp.Compare(a.Number, b.Number) })
	for _, a := range attempts {
		n.attempt = a
		switch {
		case a.State == pipelines.Running:
		case a.Outcome == nil:
			n.lost++
		case a.State == pipelines.Failed:
			n.tries++
		}
	}
	r.m.steps[n.row.ID] = n
	switch {
	case n.final():
	case n.open():
		r.m.open++
	case n.attempt != nil && n.task.Retry != nil:
		r.m.retrying.push(retryAt{n, n.attempt.FinishedAt.Add(backoff(n.task.Retry, max(n.tries, 1)))})
	default: // its row was written and nothing more: try it at once
		r.m.retrying.push(retryAt{n: n})
	}
}

func (r *restorer) dag(n *node) error {
	tasks := n.comp.DAG.Tasks
	at := make(map[string]int, len(tasks))
	for i, t := range tasks {
		at[t.Name] = i
	}
	n.children = make([]*node, len(tasks))
	n.left = len(tasks)
	for _, row := range r.children[n.row.ID] {
		i, ok := at[row.Name]
		if !ok {
			return fmt.Errorf("task %s is not in its pipeline", row.Path)
		}
		n.children[i] = &node{row: *row, task: tasks[i], comp: tasks[i].Component, parent: n}
		if err := r.node(n.children[i]); err != nil {
			return err
		}
	}
	if n.final() {
		return nil
	}
	n.waits = make([]int32, len(tasks))
	for i, t := range tasks {
		for _, dep := range t.DependsOn {
			if c := n.children[dep]; c == nil || !c.final() {
				n.waits[i]++
			}
		}
		r.count(n, n.children[i])
		if n.children[i] == nil && n.waits[i] == 0 {
			r.m.ready = append(r.m.ready, readyTask{n, i})
		}
	}
	r.ended(n)
	return nil
}

func (r *restorer) loop(n *node) error {
	if err := n.resolveItems(); err != nil {
		return fmt.Errorf("task %s: %w", n.row.Path, err)
	}
	n.children = make([]*node, n.left)
	for _, row := range r.children[n.row.ID] {
		i := row.Iteration
		if i < 0 || i >= len(n.children) {
			return fmt.Errorf("task %s is not an iteration of its loop of %d", row.Path, len(n.children))
		}
		n.children[i] = &node{row: *row, task: n.task, comp: n.comp, parent: n}
		if err := r.node(n.children[i]); err != nil {
			return err
		}
		n.next = max(n.next, i+1)
	}
	for _, c := range n.children {
		if r.count(n, c); c != nil && !c.final() {
			n.running++
		}
	}
	if !n.final() {
		r.ended(n)
	}
	return nil
}

// count takes a child that is final off its parent's account.
func (r *restorer) count(parent, c *node) {
	if c == nil || !c.final() {
		return
	}
	parent.left--
	if c.row.State == pipelines.Failed && parent.failed == nil {
		parent.failed = c
	}
}

// ended settles the last child of a DAG again if its end was not recorded.
func (r *restorer) ended(n *node) {
	if n.left > 0 || len(n.children) == 0 {
		return
	}
	n.left = 1
	r.m.settled = append(r.m.settled, n.children[len(n.children)-1])
}
