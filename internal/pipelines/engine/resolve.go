package engine

import (
	"errors"
	"fmt"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// rootInputs are the run's parameters in their normal form, with defaults.
func rootInputs(root *plan.Component, given map[string]pipelines.Value) (pipelines.TaskIO, error) {
	values := make(map[string]artifact.Value, len(given))
	for name, v := range given {
		values[name] = v
	}
	err := complete(root, values, "")
	return pipelines.TaskIO{Parameters: values}, err
}

// resolve computes a task's inputs from its DAG. The sentence of the error names
// the input.
func (m *Machine) resolve(dag, n *node) (pipelines.TaskIO, error) {
	t := n.task
	var io pipelines.TaskIO
	if len(t.Parameters)+len(n.comp.Inputs.Parameters) > 0 {
		io.Parameters = make(map[string]artifact.Value, len(t.Parameters))
	}
	for i := range t.Parameters {
		src := &t.Parameters[i]
		v, err := m.parameter(dag, n, src)
		if err != nil {
			return io, fmt.Errorf("input parameter %q: %w", src.Name, err)
		}
		if len(v) > 0 && !artifact.IsNull(v) {
			io.Parameters[src.Name] = v
		}
	}
	for i := range t.Parameters {
		if src := &t.Parameters[i]; src.Template {
			v, err := m.template(n, src.Constant, io.Parameters)
			if err != nil {
				return io, fmt.Errorf("input parameter %q: %w", src.Name, err)
			}
			io.Parameters[src.Name] = v
		}
	}
	itemInput := ""
	if t.Loop != nil {
		itemInput = t.Loop.ItemInput
	}
	if err := complete(n.comp, io.Parameters, itemInput); err != nil {
		return io, err
	}
	return io, resolveArtifacts(dag, n, itemInput, &io)
}

// parameter finds the value of one source; empty or null if there is none.
func (m *Machine) parameter(dag, n *node, src *plan.ParameterSource) (artifact.Value, error) {
	var v artifact.Value
	switch src.Kind {
	case plan.FromConstant:
		v = src.Constant
	case plan.FromInput:
		v = dag.row.Inputs.Parameters[src.Input]
	case plan.FromStatus:
		return m.finalStatus(dag.children[src.Task])
	case plan.FromTask:
		up := dag.children[src.Task]
		v = up.row.Outputs.Parameters[src.Output]
		if len(v) == 0 && !optional(n.comp, src.Name) {
			return nil, fmt.Errorf("task %q (%s) has no output %q", up.row.Name, up.row.State, src.Output)
		}
	}
	if src.Selector != nil && len(v) > 0 && !artifact.IsNull(v) {
		return src.Selector.Select(v)
	}
	return v, nil
}

// optional reports whether the component can do without an input parameter.
func optional(c *plan.Component, name string) bool {
	for i := range c.Inputs.Parameters {
		if p := &c.Inputs.Parameters[i]; p.Name == name {
			return p.Optional || p.Default != nil
		}
	}
	return false
}

// complete brings values to the types that the component declares, and fills in
// defaults. An optional input of a DAG without a value is null, one of a step is
// left out. The loop item is not there yet.
func complete(c *plan.Component, values map[string]artifact.Value, itemInput string) error {
	for i := range c.Inputs.Parameters {
		def := &c.Inputs.Parameters[i]
		if def.Name == itemInput {
			continue
		}
		v := values[def.Name]
		if len(v) == 0 || artifact.IsNull(v) {
			v = def.Default
		}
		if len(v) == 0 || artifact.IsNull(v) {
			switch {
			case !def.Optional && def.Default == nil:
				return fmt.Errorf("input parameter %q has no value, and it is not optional", def.Name)
			case c.DAG != nil:
				values[def.Name] = artifact.Null
			default:
				delete(values, def.Name)
			}
			continue
		}
		converted, err := typed(def, v)
		if err != nil {
			return err
		}
		values[def.Name] = converted
	}
	return nil
}

func typed(def *plan.InputParameter, v artifact.Value) (artifact.Value, error) {
	v, err := artifact.Convert(def.Type, v)
	if err != nil {
		return nil, fmt.Errorf("input parameter %q %w", def.Name, err)
	}
	if err := ir.CheckLiterals(def.Literals, v); err != nil {
		return nil, fmt.Errorf("input parameter %q %w", def.Name, err)
	}
	return v, nil
}

func resolveArtifacts(dag, n *node, itemInput string, io *pipelines.TaskIO) error {
	for _, src := range n.task.Artifacts {
		var ids []string
		if src.Kind == plan.FromInput {
			ids = dag.row.Inputs.Artifacts[src.Input]
		} else {
			ids = dag.children[src.Task].row.Outputs.Artifacts[src.Output]
		}
		if ids == nil {
			continue
		}
		if io.Artifacts == nil {
			io.Artifacts = make(map[string][]string, len(n.task.Artifacts))
		}
		io.Artifacts[src.Name] = ids
	}
	overList := n.loop() && n.task.Loop.Artifacts
	for _, def := range n.comp.Inputs.Artifacts {
		ids, given := io.Artifacts[def.Name]
		switch {
		case def.Name == itemInput, def.Optional && !given:
		case !given:
			return fmt.Errorf("input artifact %q has no value: %s", def.Name, missing(dag, n.task, def.Name))
		case !def.List && len(ids) != 1 && !overList:
			return fmt.Errorf("input artifact %q takes one artifact, and there are %d", def.Name, len(ids))
		}
	}
	return nil
}

// missing says why an artifact is not there.
func missing(dag *node, t *plan.Task, name string) string {
	for _, src := range t.Artifacts {
		if src.Name == name && src.Kind == plan.FromTask {
			up := dag.children[src.Task].row
			return fmt.Sprintf("task %q (%s) has no output %q", up.Name, up.State, src.Output)
		}
	}
	return "the enclosing pipeline was not given it"
}

// resolveItems finds what a loop runs over and sets left to their number.
func (n *node) resolveItems() error {
	l := n.task.Loop
	if l.Artifacts {
		n.ids = n.row.Inputs.Artifacts[l.ItemsFrom]
		n.left = len(n.ids)
		return nil
	}
	list := l.Items
	if list == nil {
		if list = n.row.Inputs.Parameters[l.ItemsFrom]; len(list) > 0 && list[0] == '"' {
			list = artifact.Value(artifact.Text(list)) // a list as JSON text
		}
	}
	if len(list) == 0 || artifact.IsNull(list) {
		return errors.New("there is no list to loop over")
	}
	items, err := artifact.Items(list)
	if err != nil {
		return fmt.Errorf("the items of the loop must be a list: %w", err)
	}
	n.items, n.left = items, len(items)
	return nil
}

// iterationInputs are the loop's inputs with the item in the place of the list.
// The list itself stays out unless a task in the loop reads it: every iteration has
// a row, and 10,000 rows of 10,000 items each would be too much.
func (n *node) iterationInputs(i int) (pipelines.TaskIO, error) {
	l := n.task.Loop
	io := pipelines.TaskIO{Artifacts: n.row.Inputs.Artifacts}
	io.Parameters = make(map[string]artifact.Value, len(n.row.Inputs.Parameters)+1)
	for name, v := range n.row.Inputs.Parameters {
		if name != l.ItemsFrom || l.Artifacts || l.ItemsUsed {
			io.Parameters[name] = v
		}
	}
	if l.Artifacts {
		io.Artifacts = make(map[string][]string, len(n.row.Inputs.Artifacts)+1)
		for name, ids := range n.row.Inputs.Artifacts {
			if name != l.ItemsFrom || l.ItemsUsed {
				io.Artifacts[name] = ids
			}
		}
		io.Artifacts[l.ItemInput] = n.ids[i : i+1]
		return io, nil
	}
	item := n.items[i]
	for k := range n.comp.Inputs.Parameters {
		if def := &n.comp.Inputs.Parameters[k]; def.Name == l.ItemInput {
			var err error
			if item, err = typed(def, item); err != nil {
				return io, err
			}
		}
	}
	io.Parameters[l.ItemInput] = item
	return io, nil
}
