package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
)

// UnsupportedError names a construct that is valid and that this product does not
// run.
type UnsupportedError struct {
	Path      string
	Construct string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: %s is not supported yet", e.Path, e.Construct)
}

// compiler turns components into their compiled form, each once.
type compiler struct {
	spec *ir.PipelineSpec
	done map[string]*Component
}

// Compile turns a valid spec into a plan. The error is an *UnsupportedError, or
// says which expression does not compile.
func Compile(spec *ir.Spec) (*Plan, error) {
	if err := platforms(spec.Platform); err != nil {
		return nil, err
	}
	c := &compiler{spec: spec.Pipeline, done: map[string]*Component{}}
	root, err := c.component("root", "root", spec.Pipeline.Root)
	if err != nil {
		return nil, err
	}
	return &Plan{Pipeline: spec.Name(), DefaultRoot: spec.Pipeline.DefaultPipelineRoot, Root: root}, nil
}

func (c *compiler) component(path, name string, in *ir.Component) (*Component, error) {
	out := &Component{Name: name}
	if len(in.SinglePlatformSpecs) > 0 {
		return nil, &UnsupportedError{path + ".singlePlatformSpecs", "a component's own platform spec"}
	}
	if len(in.TaskConfigPassthroughs) > 0 {
		return nil, &UnsupportedError{path + ".taskConfigPassthroughs", "dsl.TaskConfig"}
	}
	if err := definitions(out, path, in); err != nil {
		return nil, err
	}
	var err error
	if in.DAG != nil {
		out.DAG, err = c.dag(path+".dag", in.DAG)
	} else {
		path := "deploymentSpec.executors[" + in.ExecutorLabel + "]"
		out.Container, err = container(path, c.spec.DeploymentSpec.Executors[in.ExecutorLabel])
	}
	return out, err
}

func definitions(out *Component, path string, in *ir.Component) error {
	if d := in.InputDefinitions; d != nil {
		for name, p := range sorted(d.Parameters) {
			t := ir.ParamType(p.ParameterType, p.Type)
			if t == artifact.TaskConfig {
				return &UnsupportedError{path + ".inputDefinitions.parameters[" + name + "]", "dsl.TaskConfig"}
			}
			out.Inputs.Parameters = append(out.Inputs.Parameters, InputParameter{
				Name: name, Type: t, Default: p.DefaultValue, Optional: p.IsOptional, Literals: p.Literals,
			})
		}
		for name, a := range sorted(d.Artifacts) {
			out.Inputs.Artifacts = append(out.Inputs.Artifacts, InputArtifact{Name: name, List: a.IsArtifactList, Optional: a.IsOptional})
		}
	}
	if d := in.OutputDefinitions; d != nil {
		for name, p := range sorted(d.Parameters) {
			out.Outputs.Parameters = append(out.Outputs.Parameters, OutputParameter{Name: name, Type: ir.ParamType(p.ParameterType, p.Type)})
		}
		for name, a := range sorted(d.Artifacts) {
			o := OutputArtifact{Name: name, Type: attempt.ArtifactType{
				SchemaTitle: a.ArtifactType.SchemaTitle, SchemaVersion: a.ArtifactType.SchemaVersion, List: a.IsArtifactList,
			}}
			if a.Metadata != nil {
				if err := json.Unmarshal(a.Metadata, &o.Metadata); err != nil {
					return fmt.Errorf("%s.outputDefinitions.artifacts[%s].metadata: %w", path, name, err)
				}
			}
			out.Outputs.Artifacts = append(out.Outputs.Artifacts, o)
		}
	}
	return nil
}

func (c *compiler) dag(path string, in *ir.DAG) (*DAG, error) {
	order := topological(in)
	at := make(map[string]int, len(order))
	for i, name := range order {
		at[name] = i
	}
	out := &DAG{Tasks: make([]*Task, len(order))}
	for i, name := range order {
		t, err := c.task(path+".tasks["+name+"]", name, in.Tasks[name], at)
		if err != nil {
			return nil, err
		}
		t.Index = i
		out.Tasks[i] = t
		for _, dep := range t.DependsOn {
			out.Tasks[dep].Dependents = append(out.Tasks[dep].Dependents, i)
		}
	}
	out.Outputs = outputs(in.Outputs, out, at)
	return out, nil
}

func (c *compiler) task(path, name string, in *ir.Task, at map[string]int) (*Task, error) {
	t := &Task{Name: name, DisplayName: in.TaskInfo.Name}
	ref := in.ComponentRef.Name
	comp := c.done[ref]
	if comp == nil {
		var err error
		if comp, err = c.component("components["+ref+"]", ref, c.spec.Components[ref]); err != nil {
			return nil, err
		}
		c.done[ref] = comp
	}
	t.Component = comp
	for _, dep := range in.Upstream() {
		t.DependsOn = append(t.DependsOn, at[dep])
	}
	if err := sources(t, path, in.Inputs, at); err != nil {
		return nil, err
	}
	if p := in.TriggerPolicy; p != nil {
		t.AlwaysRun = p.Strategy == ir.AllCompleted
		if p.Condition != "" {
			e, err := NewExpr(p.Condition)
			if err != nil {
				return nil, fmt.Errorf("%s.triggerPolicy.condition: %w", path, err)
			}
			t.Condition = e
		}
	}
	if t.Loop = loop(in); t.Loop != nil {
		t.Loop.ItemsUsed = reads(comp, t.Loop.ItemsFrom)
	}
	t.Retry = retry(in.RetryPolicy)
	t.Type = taskType(t)
	return t, nil
}

// taskType tells the SDK's groups apart by their names, as upstream's UI does.
func taskType(t *Task) pipelines.TaskType {
	switch {
	case t.Loop != nil:
		return pipelines.TaskLoop
	case t.Component.DAG == nil:
		return pipelines.TaskRuntime
	case t.Condition != nil:
		return pipelines.TaskCondition
	case strings.HasPrefix(t.Name, "condition-branches-"):
		return pipelines.TaskConditionBranch
	case strings.HasPrefix(t.Name, "exit-handler-"):
		return pipelines.TaskExitHandler
	default:
		return pipelines.TaskDAG
	}
}

func loop(in *ir.Task) *Loop {
	l := &Loop{}
	if in.IteratorPolicy != nil {
		l.Limit = in.IteratorPolicy.ParallelismLimit
	}
	switch {
	case in.ParameterIterator != nil:
		it := in.ParameterIterator
		l.ItemInput, l.ItemsFrom = it.ItemInput, it.Items.InputParameter
		if it.Items.Raw != nil {
			l.Items = artifact.Value(*it.Items.Raw)
		}
	case in.ArtifactIterator != nil:
		l.Artifacts = true
		l.ItemInput, l.ItemsFrom = in.ArtifactIterator.ItemInput, in.ArtifactIterator.Items.InputArtifact
	default:
		return nil
	}
	return l
}

// reads reports whether something in a component reads one of its inputs. A step
// may read any.
func reads(c *Component, input string) bool {
	if c.DAG == nil {
		return true
	}
	for _, t := range c.DAG.Tasks {
		for i := range t.Parameters {
			if s := &t.Parameters[i]; s.Kind == FromInput && s.Input == input {
				return true
			}
		}
		for _, s := range t.Artifacts {
			if s.Kind == FromInput && s.Input == input {
				return true
			}
		}
	}
	return false
}

// Defaults of a retry policy, from kfp's pipeline_spec.proto.
const (
	defaultBackoffFactor = 2
	defaultMaxBackoff    = time.Hour
)

func retry(p *ir.RetryPolicy) *Retry {
	if p == nil || p.MaxRetryCount == 0 {
		return nil
	}
	r := &Retry{Max: p.MaxRetryCount, Factor: p.BackoffFactor, MaxBackoff: defaultMaxBackoff}
	if r.Factor == 0 {
		r.Factor = defaultBackoffFactor
	}
	// Both were checked by ir.Parse.
	if d, err := time.ParseDuration(p.BackoffDuration); err == nil {
		r.Backoff = d
	}
	if d, err := time.ParseDuration(p.BackoffMaxDuration); err == nil && d > 0 {
		r.MaxBackoff = d
	}
	return r
}

// topological orders the tasks of a DAG without circles.
func topological(dag *ir.DAG) []string {
	waits := make(map[string]int, len(dag.Tasks))
	dependents := map[string][]string{}
	order := make([]string, 0, len(dag.Tasks))
	for name, t := range sorted(dag.Tasks) {
		up := t.Upstream()
		waits[name] = len(up)
		if len(up) == 0 {
			order = append(order, name)
		}
		for _, u := range up {
			dependents[u] = append(dependents[u], name)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, d := range dependents[order[i]] {
			if waits[d]--; waits[d] == 0 {
				order = append(order, d)
			}
		}
	}
	return order
}

// sorted ranges over a map in the order of its keys, so that plans are stable.
func sorted[T any](m map[string]T) func(yield func(string, T) bool) {
	return func(yield func(string, T) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
