package ir

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-ml/slipway/internal/artifact"
)

var namePattern = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

// validator gathers what is wrong with a spec. Paths are those of Error.
type validator struct {
	spec *PipelineSpec
	errs Errors
}

func (v *validator) fail(path, format string, args ...any) {
	if len(v.errs) < maxErrors {
		v.errs = append(v.errs, Error{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

func validate(s *Spec) Errors {
	v := &validator{spec: s.Pipeline}
	v.header()
	for label, e := range sorted(s.Pipeline.DeploymentSpec.Executors) {
		v.executor(index("deploymentSpec.executors", label), e)
	}
	for name, c := range sorted(s.Pipeline.Components) {
		v.component(index("components", name), c)
	}
	if root := s.Pipeline.Root; root == nil {
		v.fail("root", "is missing")
	} else {
		v.component("root", root)
		if root.DAG == nil && root.ExecutorLabel != "" {
			v.fail("root.executorLabel", "the root must be a dag")
		}
	}
	if len(v.errs) == 0 {
		v.recursion()
	}
	return v.errs
}

func (v *validator) header() {
	info := v.spec.PipelineInfo
	switch {
	case info.Name == "":
		v.fail("pipelineInfo.name", "is missing")
	case !namePattern.MatchString(info.Name) || len(info.Name) > 128:
		v.fail("pipelineInfo.name", "%q must match %s, with at most 128 characters", info.Name, namePattern)
	}
	switch {
	case v.spec.SchemaVersion == "":
		v.fail("schemaVersion", "is missing")
	case !slices.Contains(SchemaVersions, v.spec.SchemaVersion):
		v.fail("schemaVersion", "unknown version %q; known are %s", v.spec.SchemaVersion, strings.Join(SchemaVersions, ", "))
	}
}

func (v *validator) executor(path string, e *Executor) {
	kinds := 0
	for _, set := range []bool{e.Container != nil, e.Importer != nil, e.Resolver != nil, e.CustomJob != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		v.fail(path, "must hold exactly one of container, importer, resolver, customJob")
	}
	c := e.Container
	if c == nil {
		return
	}
	if c.Image == "" {
		v.fail(path+".container.image", "is missing")
	}
	switch c.ImagePullPolicy {
	case "", "Always", "IfNotPresent", "Never":
	default:
		v.fail(path+".container.imagePullPolicy", "%q must be Always, IfNotPresent or Never", c.ImagePullPolicy)
	}
	for i, env := range c.Env {
		if env.Name == "" {
			v.fail(fmt.Sprintf("%s.container.env[%d].name", path, i), "is missing")
		}
	}
}

func (v *validator) component(path string, c *Component) {
	switch {
	case (c.DAG != nil) == (c.ExecutorLabel != ""):
		v.fail(path, "must hold exactly one of dag, executorLabel")
	case c.DAG == nil && v.spec.DeploymentSpec.Executors[c.ExecutorLabel] == nil:
		v.fail(path+".executorLabel", "there is no executor %q", c.ExecutorLabel)
	}
	if in := c.InputDefinitions; in != nil {
		for name, p := range sorted(in.Parameters) {
			v.inputParameter(index(path+".inputDefinitions.parameters", name), p)
		}
		for name, a := range sorted(in.Artifacts) {
			v.artifactType(index(path+".inputDefinitions.artifacts", name), a.ArtifactType)
		}
	}
	if out := c.OutputDefinitions; out != nil {
		for name, p := range sorted(out.Parameters) {
			v.paramType(index(path+".outputDefinitions.parameters", name), p.ParameterType, p.Type)
		}
		for name, a := range sorted(out.Artifacts) {
			v.artifactType(index(path+".outputDefinitions.artifacts", name), a.ArtifactType)
		}
	}
	if c.DAG != nil {
		v.dag(path, c)
	}
}

func (v *validator) paramType(path, typ, deprecated string) bool {
	if ParamType(typ, deprecated).Valid() {
		return true
	}
	v.fail(path+".parameterType", "unknown type %q", typ)
	return false
}

func (v *validator) artifactType(path string, t *ArtifactType) {
	if t == nil || (t.SchemaTitle == "" && t.InstanceSchema == "" && t.SchemaURI == "") {
		v.fail(path+".artifactType", "must name a schemaTitle or hold an instanceSchema")
	}
}

func (v *validator) inputParameter(path string, p *InputParameter) {
	if !v.paramType(path, p.ParameterType, p.Type) {
		return
	}
	t := ParamType(p.ParameterType, p.Type)
	if p.DefaultValue != nil && !artifact.IsNull(p.DefaultValue) {
		if _, err := artifact.Convert(t, p.DefaultValue); err != nil {
			v.fail(path+".defaultValue", "%v", err)
		}
	}
	for i, l := range p.Literals {
		if _, err := artifact.Convert(t, l); err != nil {
			v.fail(fmt.Sprintf("%s.literals[%d]", path, i), "%v", err)
		}
	}
}

// ParamType is a parameter's type, with the deprecated spelling as fallback.
func ParamType(typ, deprecated string) artifact.ParamType {
	if typ == "" {
		switch deprecated {
		case "INT":
			return artifact.Integer
		case "DOUBLE":
			return artifact.Double
		case "STRING":
			return artifact.String
		}
	}
	return artifact.ParamType(typ)
}

// recursion refuses components that contain themselves.
func (v *validator) recursion() {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var visit func(path string, c *Component)
	visit = func(path string, c *Component) {
		if c.DAG == nil {
			return
		}
		for name, t := range sorted(c.DAG.Tasks) {
			ref := t.ComponentRef.Name
			switch state[ref] {
			case open:
				v.fail(index(path+".dag.tasks", name)+".componentRef.name", "component %q contains itself", ref)
			case done:
			default:
				state[ref] = open
				visit(index("components", ref), v.spec.Components[ref])
				state[ref] = done
			}
		}
	}
	visit("root", v.spec.Root)
}

// sorted ranges over a map in the order of its keys, so that errors are stable.
func sorted[T any](m map[string]T) func(yield func(string, T) bool) {
	return func(yield func(string, T) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// listItems are the items of a JSON list.
func listItems(text string) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, err
	}
	return items, nil
}
