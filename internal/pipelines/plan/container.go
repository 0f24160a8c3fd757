package plan

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
)

// container compiles an executor, or refuses it by name.
func container(path string, e *ir.Executor) (*Container, error) {
	switch {
	case e.Importer != nil:
		return nil, &UnsupportedError{path + ".importer", "dsl.importer"}
	case e.Resolver != nil:
		return nil, &UnsupportedError{path + ".resolver", "a resolver"}
	case e.CustomJob != nil:
		return nil, &UnsupportedError{path + ".customJob", "a custom job"}
	}
	in := e.Container
	if in.Lifecycle != nil {
		return nil, &UnsupportedError{path + ".container.lifecycle", "a pre-cache check"}
	}
	if name, ok := strings.CutPrefix(in.Image, "argostub/"); ok {
		return nil, &UnsupportedError{path + ".container.image", "the volume component " + name}
	}
	c := &Container{
		Image: in.Image, Command: in.Command, Args: in.Args,
		ImagePullPolicy: in.ImagePullPolicy, Resources: resources(in.Resources),
	}
	for _, v := range in.Env {
		c.Env = append(c.Env, attempt.EnvVar{Name: v.Name, Value: v.Value})
	}
	c.Uses = uses(c)
	return c, nil
}

// uses finds the placeholders that stand for facts about the run and the task.
func uses(c *Container) []string {
	var names []string
	texts := slices.Concat(c.Command, c.Args)
	for _, v := range c.Env {
		texts = append(texts, v.Value)
	}
	for _, text := range texts {
		for _, r := range artifact.Refs(text) {
			if len(r.Path) == 1 && !slices.Contains(names, r.Path[0]) {
				names = append(names, r.Path[0])
			}
		}
	}
	return names
}

func resources(in *ir.Resources) Resources {
	if in == nil {
		return Resources{}
	}
	r := Resources{
		CPURequest:    either(in.ResourceCPURequest, in.CPURequest, ""),
		CPULimit:      either(in.ResourceCPULimit, in.CPULimit, ""),
		MemoryRequest: either(in.ResourceMemoryRequest, in.MemoryRequest, "G"),
		MemoryLimit:   either(in.ResourceMemoryLimit, in.MemoryLimit, "G"),
	}
	if a := in.Accelerator; a != nil {
		r.AcceleratorType = a.ResourceType
		if r.AcceleratorType == "" {
			r.AcceleratorType = a.Type
		}
		r.AcceleratorCount = either(a.ResourceCount, float64(a.Count), "")
	}
	return r
}

// either is the text, or else the deprecated number (cores, GB) with its unit.
func either(text string, number float64, unit string) string {
	if text != "" || number == 0 {
		return text
	}
	return strconv.FormatFloat(number, 'f', -1, 64) + unit
}

// platforms refuses each platform feature that is used, by name.
func platforms(p *ir.PlatformSpec) error {
	if p == nil {
		return nil
	}
	for name, platform := range sorted(p.Platforms) {
		path := "platforms[" + name + "]"
		if name != "kubernetes" {
			return &UnsupportedError{path, "the platform " + name}
		}
		if platform == nil {
			continue
		}
		if err := features(path+".pipelineConfig", platform.PipelineConfig); err != nil {
			return err
		}
		if err := features(path+".config", platform.Config); err != nil {
			return err
		}
		for label, config := range sorted(platform.DeploymentSpec.Executors) {
			if err := features(path+".deploymentSpec.executors["+label+"]", config); err != nil {
				return err
			}
		}
	}
	return nil
}

// features refuses the first field of a configuration object.
func features(path string, config json.RawMessage) error {
	if len(config) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil {
		return &UnsupportedError{path, "this configuration"}
	}
	for name := range sorted(fields) {
		return &UnsupportedError{path + "." + name, "the Kubernetes feature " + name}
	}
	return nil
}
