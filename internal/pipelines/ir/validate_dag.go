package ir

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
)

func (v *validator) dag(path string, c *Component) {
	tasks := path + ".dag.tasks"
	for name, t := range sorted(c.DAG.Tasks) {
		v.task(index(tasks, name), name, c, t)
	}
	v.dagOutputs(path+".dag.outputs", c.DAG)
	if len(v.errs) == 0 {
		v.cycles(tasks, c.DAG)
	}
}

func (v *validator) task(path, name string, parent *Component, t *Task) {
	comp := v.spec.Components[t.ComponentRef.Name]
	switch {
	case t.ComponentRef.Name == "":
		v.fail(path+".componentRef.name", "is missing")
	case comp == nil:
		v.fail(path+".componentRef.name", "there is no component %q", t.ComponentRef.Name)
	}
	for i, dep := range t.DependentTasks {
		at := fmt.Sprintf("%s.dependentTasks[%d]", path, i)
		if dep == name {
			v.fail(at, "the task waits for itself")
		} else if parent.DAG.Tasks[dep] == nil {
			v.fail(at, "there is no task %q in this dag", dep)
		}
	}
	if p := t.TriggerPolicy; p != nil {
		if !slices.Contains([]string{"", "TRIGGER_STRATEGY_UNSPECIFIED", AllSucceeded, AllCompleted}, p.Strategy) {
			v.fail(path+".triggerPolicy.strategy", "unknown strategy %q", p.Strategy)
		}
	}
	v.retry(path+".retryPolicy", t.RetryPolicy)
	if comp == nil {
		return
	}
	v.taskInputs(path, parent, comp, t)
	v.iterator(path, comp, t)
}

func (v *validator) taskInputs(path string, parent, comp *Component, t *Task) {
	in := t.Inputs
	if in == nil {
		in = &TaskInputs{}
	}
	for name, src := range sorted(in.Parameters) {
		v.parameterSource(index(path+".inputs.parameters", name), parent, comp.param(name), src)
	}
	for name, src := range sorted(in.Artifacts) {
		v.artifactSource(index(path+".inputs.artifacts", name), parent, src)
	}
	if comp.InputDefinitions == nil {
		return
	}
	for name, p := range sorted(comp.InputDefinitions.Parameters) {
		given := in.Parameters[name] != nil || (t.ParameterIterator != nil && t.ParameterIterator.ItemInput == name)
		if !given && !p.IsOptional && p.DefaultValue == nil {
			v.fail(path+".inputs", "the input parameter %q of component %q is missing", name, t.ComponentRef.Name)
		}
	}
	for name, a := range sorted(comp.InputDefinitions.Artifacts) {
		given := in.Artifacts[name] != nil || (t.ArtifactIterator != nil && t.ArtifactIterator.ItemInput == name)
		if !given && !a.IsOptional {
			v.fail(path+".inputs", "the input artifact %q of component %q is missing", name, t.ComponentRef.Name)
		}
	}
}

func (v *validator) parameterSource(path string, parent *Component, def *InputParameter, src *ParameterSource) {
	kinds := 0
	for _, set := range []bool{src.TaskOutputParameter != nil, src.RuntimeValue != nil, src.ComponentInputParameter != "", src.TaskFinalStatus != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		v.fail(path, "must hold exactly one of taskOutputParameter, runtimeValue, componentInputParameter, taskFinalStatus")
		return
	}
	switch {
	case src.TaskOutputParameter != nil:
		o := src.TaskOutputParameter
		v.outputParameter(path+".taskOutputParameter", parent.DAG, o.ProducerTask, o.OutputParameterKey)
	case src.RuntimeValue != nil:
		v.constant(path+".runtimeValue", def, src)
	case src.TaskFinalStatus != nil:
		if p := src.TaskFinalStatus.ProducerTask; parent.DAG.Tasks[p] == nil {
			v.fail(path+".taskFinalStatus.producerTask", "there is no task %q in this dag", p)
		}
	case parent.param(src.ComponentInputParameter) == nil:
		v.fail(path+".componentInputParameter", "the enclosing component has no input parameter %q", src.ComponentInputParameter)
	}
}

// constant checks a constant's type, unless it holds a placeholder or a selector
// changes it.
func (v *validator) constant(path string, def *InputParameter, src *ParameterSource) {
	c := src.RuntimeValue.Value()
	switch {
	case c == nil:
		v.fail(path, "must hold a constant")
	case def == nil || src.ParameterExpressionSelector != "" || len(artifact.Refs(string(c))) > 0:
	case artifact.IsNull(c):
		if !def.IsOptional {
			v.fail(path+".constant", "null for an input that is not optional")
		}
	default:
		if _, err := artifact.Convert(ParamType(def.ParameterType, def.Type), c); err != nil {
			v.fail(path+".constant", "%v", err)
		}
	}
}

func (v *validator) artifactSource(path string, parent *Component, src *ArtifactSource) {
	o := src.TaskOutputArtifact
	switch {
	case (o != nil) == (src.ComponentInputArtifact != ""):
		v.fail(path, "must hold exactly one of taskOutputArtifact, componentInputArtifact")
	case o != nil:
		v.outputArtifact(path+".taskOutputArtifact", parent.DAG, o.ProducerTask, o.OutputArtifactKey)
	case parent.InputDefinitions == nil || parent.InputDefinitions.Artifacts[src.ComponentInputArtifact] == nil:
		v.fail(path+".componentInputArtifact", "the enclosing component has no input artifact %q", src.ComponentInputArtifact)
	}
}

// producer is the component of a task that is named as a producer.
func (v *validator) producer(path string, dag *DAG, task string) *Component {
	t := dag.Tasks[task]
	if t == nil {
		v.fail(path, "there is no task %q in this dag", task)
		return nil
	}
	return v.spec.Components[t.ComponentRef.Name]
}

func (v *validator) outputParameter(path string, dag *DAG, task, key string) {
	c := v.producer(path, dag, task)
	if c != nil && (c.OutputDefinitions == nil || c.OutputDefinitions.Parameters[key] == nil) {
		v.fail(path, "task %q has no output parameter %q", task, key)
	}
}

func (v *validator) outputArtifact(path string, dag *DAG, task, key string) {
	c := v.producer(path, dag, task)
	if c != nil && (c.OutputDefinitions == nil || c.OutputDefinitions.Artifacts[key] == nil) {
		v.fail(path, "task %q has no output artifact %q", task, key)
	}
}

func (v *validator) dagOutputs(path string, dag *DAG) {
	if dag.Outputs == nil {
		return
	}
	for name, o := range sorted(dag.Outputs.Parameters) {
		at := index(path+".parameters", name)
		switch {
		case (o.ValueFromParameter != nil) == (o.ValueFromOneof != nil):
			v.fail(at, "must hold exactly one of valueFromParameter, valueFromOneof")
		case o.ValueFromParameter != nil:
			s := o.ValueFromParameter
			v.outputParameter(at+".valueFromParameter", dag, s.ProducerSubtask, s.OutputParameterKey)
		default:
			for i, s := range o.ValueFromOneof.ParameterSelectors {
				v.outputParameter(fmt.Sprintf("%s.valueFromOneof.parameterSelectors[%d]", at, i), dag, s.ProducerSubtask, s.OutputParameterKey)
			}
		}
	}
	for name, o := range sorted(dag.Outputs.Artifacts) {
		at := index(path+".artifacts", name)
		if len(o.ArtifactSelectors) == 0 {
			v.fail(at+".artifactSelectors", "is empty")
		}
		for i, s := range o.ArtifactSelectors {
			v.outputArtifact(fmt.Sprintf("%s.artifactSelectors[%d]", at, i), dag, s.ProducerSubtask, s.OutputArtifactKey)
		}
	}
}

func (v *validator) iterator(path string, comp *Component, t *Task) {
	if t.ParameterIterator != nil && t.ArtifactIterator != nil {
		v.fail(path, "must not hold both parameterIterator and artifactIterator")
	}
	if p := t.IteratorPolicy; p != nil && p.ParallelismLimit < 0 {
		v.fail(path+".iteratorPolicy.parallelismLimit", "must not be negative")
	}
	it := t.ParameterIterator
	if it == nil {
		return
	}
	if comp.param(it.ItemInput) == nil {
		v.fail(path+".parameterIterator.itemInput", "component %q has no input parameter %q", t.ComponentRef.Name, it.ItemInput)
	}
	switch items := it.Items; {
	case (items.Raw != nil) == (items.InputParameter != ""):
		v.fail(path+".parameterIterator.items", "must hold exactly one of raw, inputParameter")
	case items.Raw != nil:
		if _, err := listItems(*items.Raw); err != nil {
			v.fail(path+".parameterIterator.items.raw", "must be a JSON list: %v", err)
		}
	case t.Inputs == nil || t.Inputs.Parameters[items.InputParameter] == nil:
		v.fail(path+".parameterIterator.items.inputParameter", "the task has no input parameter %q", items.InputParameter)
	}
}

func (v *validator) retry(path string, p *RetryPolicy) {
	if p == nil {
		return
	}
	if p.MaxRetryCount < 0 {
		v.fail(path+".maxRetryCount", "must not be negative")
	}
	for field, text := range sorted(map[string]string{"backoffDuration": p.BackoffDuration, "backoffMaxDuration": p.BackoffMaxDuration}) {
		if d, err := time.ParseDuration(text); text != "" && (err != nil || d < 0) {
			v.fail(path+"."+field, "%q must be a duration such as 30s", text)
		}
	}
	if p.BackoffFactor < 0 {
		v.fail(path+".backoffFactor", "must not be negative")
	}
}

// cycles refuses tasks that wait for each other, by Kahn's algorithm.
func (v *validator) cycles(path string, dag *DAG) {
	waits := make(map[string]int, len(dag.Tasks))
	dependents := map[string][]string{}
	var free []string
	for name, t := range dag.Tasks {
		deps := t.Upstream()
		waits[name] = len(deps)
		if len(deps) == 0 {
			free = append(free, name)
		}
		for _, d := range deps {
			dependents[d] = append(dependents[d], name)
		}
	}
	for done := 0; done < len(free); done++ {
		name := free[done]
		delete(waits, name)
		for _, d := range dependents[name] {
			if waits[d]--; waits[d] == 0 {
				free = append(free, d)
			}
		}
	}
	for name := range sorted(waits) {
		v.fail(index(path, name), "the tasks of this dag wait for each other in a circle")
		return
	}
}

// param is a declared input parameter, or nil.
func (c *Component) param(name string) *InputParameter {
	if c.InputDefinitions == nil {
		return nil
	}
	return c.InputDefinitions.Parameters[name]
}
