package ir

import (
	"fmt"
	"strings"

	"github.com/slipway-ml/slipway/internal/artifact"
)

// CheckParameters checks the parameters given to a new run against the inputs of
// the pipeline. The error is of type Errors, with paths such as
// runtime_config.parameters[epochs].
func CheckParameters(spec *Spec, params map[string]artifact.Value) error {
	v := &validator{spec: spec.Pipeline}
	root := spec.Pipeline.Root
	for name, value := range sorted(params) {
		path := index("runtime_config.parameters", name)
		def := root.param(name)
		if def == nil {
			v.fail(path, "the pipeline has no such parameter; it has %s", v.names(root))
			continue
		}
		v.parameter(path, def, value)
	}
	if root.InputDefinitions != nil {
		for name, def := range sorted(root.InputDefinitions.Parameters) {
			if def.ParameterType == string(artifact.TaskFinalStatus) {
				v.fail(index("root.inputDefinitions.parameters", name), "a run cannot be given an input of type TASK_FINAL_STATUS")
				continue
			}
			if _, given := params[name]; !given && !def.IsOptional && def.DefaultValue == nil {
				v.fail(index("runtime_config.parameters", name), "is missing: the pipeline needs it and it has no default")
			}
		}
		for name, def := range sorted(root.InputDefinitions.Artifacts) {
			if !def.IsOptional {
				v.fail(index("root.inputDefinitions.artifacts", name), "a run cannot be given an artifact; the input must be optional")
			}
		}
	}
	if len(v.errs) > 0 {
		return v.errs
	}
	return nil
}

func (v *validator) parameter(path string, def *InputParameter, value artifact.Value) {
	if artifact.IsNull(value) {
		if !def.IsOptional {
			v.fail(path, "must not be null")
		}
		return
	}
	if _, err := artifact.CheckKind(ParamType(def.ParameterType, def.Type), value); err != nil {
		v.fail(path, "%v", err)
		return
	}
	if err := CheckLiterals(def.Literals, value); err != nil {
		v.fail(path, "%v", err)
	}
}

// CheckLiterals refuses a value that is not among the literals, if there are any.
func CheckLiterals(literals []artifact.Value, value artifact.Value) error {
	if len(literals) == 0 {
		return nil
	}
	texts := make([]string, len(literals))
	for i, l := range literals {
		if artifact.Equal(l, value) {
			return nil
		}
		texts[i] = string(l)
	}
	return fmt.Errorf("must be one of %s, got %s", strings.Join(texts, ", "), value)
}

func (v *validator) names(root *Component) string {
	var names []string
	if root.InputDefinitions != nil {
		for name := range sorted(root.InputDefinitions.Parameters) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
