package plan

import (
	"fmt"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
)

// sources fills where the task's inputs come from.
func sources(t *Task, path string, in *ir.TaskInputs, at map[string]int) error {
	if in == nil {
		return nil
	}
	for name, p := range sorted(in.Parameters) {
		src := ParameterSource{Name: name}
		switch {
		case p.TaskOutputParameter != nil:
			src.Kind, src.Task, src.Output = FromTask, at[p.TaskOutputParameter.ProducerTask], p.TaskOutputParameter.OutputParameterKey
		case p.TaskFinalStatus != nil:
			src.Kind, src.Task = FromStatus, at[p.TaskFinalStatus.ProducerTask]
		case p.RuntimeValue != nil:
			src.Constant = p.RuntimeValue.Value()
			src.Template = len(artifact.Refs(string(src.Constant))) > 0
		default:
			src.Kind, src.Input = FromInput, p.ComponentInputParameter
		}
		if text := p.ParameterExpressionSelector; text != "" {
			e, err := NewExpr(text)
			if err != nil {
				return fmt.Errorf("%s.inputs.parameters[%s].parameterExpressionSelector: %w", path, name, err)
			}
			src.Selector = e
		}
		t.Parameters = append(t.Parameters, src)
	}
	for name, a := range sorted(in.Artifacts) {
		src := ArtifactSource{Name: name, Kind: FromInput, Input: a.ComponentInputArtifact}
		if o := a.TaskOutputArtifact; o != nil {
			src = ArtifactSource{Name: name, Kind: FromTask, Task: at[o.ProducerTask], Output: o.OutputArtifactKey}
		}
		t.Artifacts = append(t.Artifacts, src)
	}
	return nil
}

// outputs compiles a DAG's outputs; the DAG's tasks are compiled already.
func outputs(in *ir.DAGOutputs, dag *DAG, at map[string]int) []Output {
	if in == nil {
		return nil
	}
	var out []Output
	for name, p := range sorted(in.Parameters) {
		o := Output{Name: name}
		if s := p.ValueFromParameter; s != nil {
			o.From = []Selector{{Task: at[s.ProducerSubtask], Output: s.OutputParameterKey}}
		} else {
			o.OneOf = true
			for _, s := range p.ValueFromOneof.ParameterSelectors {
				o.From = append(o.From, Selector{Task: at[s.ProducerSubtask], Output: s.OutputParameterKey})
			}
		}
		o.Collected = collected(o.From, dag)
		out = append(out, o)
	}
	for name, a := range sorted(in.Artifacts) {
		o := Output{Name: name, Artifact: true, OneOf: len(a.ArtifactSelectors) > 1}
		for _, s := range a.ArtifactSelectors {
			o.From = append(o.From, Selector{Task: at[s.ProducerSubtask], Output: s.OutputArtifactKey})
		}
		out = append(out, o)
	}
	return out
}

// collected reports whether one of the producers is a loop, or a DAG that hands on
// what a loop in it collected.
func collected(from []Selector, dag *DAG) bool {
	for _, s := range from {
		t := dag.Tasks[s.Task]
		if t.Loop != nil {
			return true
		}
		if o := t.Component.DAG.Output(s.Output, false); o != nil && o.Collected {
			return true
		}
	}
	return false
}

// Output finds an output of the DAG; nil if there is none or d is nil.
func (d *DAG) Output(name string, isArtifact bool) *Output {
	if d == nil {
		return nil
	}
	for i := range d.Outputs {
		if d.Outputs[i].Name == name && d.Outputs[i].Artifact == isArtifact {
			return &d.Outputs[i]
		}
	}
	return nil
}
