package engine

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// Where a step writes what it hands back. Upstream's launcher uses the same two
// folders; both are named in the ExecutorInput.
const (
	parameterDir = "/tmp/kfp/outputs"
	outputFile   = "/tmp/kfp_outputs/output_metadata.json"
)

// attemptPrefix is where the attempts of all runs lie in a profile's bucket.
const attemptPrefix = ".slipway/runs"

// executorInput is KFP's ExecutorInput message.
type executorInput struct {
	Inputs  executorInputs  `json:"inputs"`
	Outputs executorOutputs `json:"outputs"`
}

type executorInputs struct {
	ParameterValues map[string]artifact.Value `json:"parameterValues,omitempty"`
	Artifacts       map[string]artifactList   `json:"artifacts,omitempty"`
}

type executorOutputs struct {
	Parameters map[string]parameterFile `json:"parameters,omitempty"`
	Artifacts  map[string]artifactList  `json:"artifacts,omitempty"`
	OutputFile string                   `json:"outputFile"`
}

type parameterFile struct {
	OutputFile string `json:"outputFile"`
}

type artifactList struct {
	Artifacts []runtimeArtifact `json:"artifacts"`
}

type runtimeArtifact struct {
	Name       string         `json:"name"`
	Type       runtimeType    `json:"type"`
	URI        string         `json:"uri"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	CustomPath string         `json:"customPath,omitempty"`
}

type runtimeType struct {
	SchemaTitle   string `json:"schemaTitle,omitempty"`
	SchemaVersion string `json:"schemaVersion,omitempty"`
}

// attemptSpec is what the agent is to do: everything in it is resolved except the
// placeholders of command and arguments.
func (m *Machine) attemptSpec(n *node, number int) (*attempt.Spec, error) {
	c := m.container(n)
	input, err := m.executorInput(n)
	if err != nil {
		return nil, err
	}
	s := &attempt.Spec{
		RunID: m.run.ID, TaskID: n.row.ID, Number: number, TaskName: n.row.Name,
		Bucket: m.env.Bucket, Prefix: fmt.Sprintf("%s/%s/%s/%d", attemptPrefix, m.run.ID, n.row.ID, number),
		Command: c.Command, Args: c.Args, Env: c.Env,
		Placeholders: m.placeholders(n, c.Uses), ExecutorInput: input,
	}
	if out := n.comp.Outputs; len(out.Parameters) > 0 {
		s.OutputParameters = make(map[string]string, len(out.Parameters))
		for _, p := range out.Parameters {
			s.OutputParameters[p.Name] = string(p.Type)
		}
	}
	if out := n.comp.Outputs; len(out.Artifacts) > 0 {
		s.OutputArtifacts = make(map[string]attempt.ArtifactType, len(out.Artifacts))
		for _, a := range out.Artifacts {
			s.OutputArtifacts[a.Name] = a.Type
		}
	}
	return s, nil
}

func (m *Machine) executorInput(n *node) (json.RawMessage, error) {
	in := executorInput{Outputs: executorOutputs{OutputFile: outputFile}}
	in.Inputs.ParameterValues = n.row.Inputs.Parameters
	for name, ids := range n.row.Inputs.Artifacts {
		if in.Inputs.Artifacts == nil {
			in.Inputs.Artifacts = map[string]artifactList{}
		}
		list := artifactList{Artifacts: []runtimeArtifact{}}
		for _, id := range ids {
			a := m.artifacts[id]
			if a == nil {
				return nil, fmt.Errorf("input artifact %q: there is no artifact %s", name, id)
			}
			list.Artifacts = append(list.Artifacts, runtimeArtifact{
				Name: a.Name, Type: runtimeType{a.SchemaTitle, a.SchemaVersion},
				URI: a.URI, Metadata: a.Metadata, CustomPath: a.CustomPath,
			})
		}
		in.Inputs.Artifacts[name] = list
	}
	if out := n.comp.Outputs.Parameters; len(out) > 0 {
		in.Outputs.Parameters = make(map[string]parameterFile, len(out))
		for _, p := range out {
			in.Outputs.Parameters[p.Name] = parameterFile{path.Join(parameterDir, p.Name)}
		}
	}
	if out := n.comp.Outputs.Artifacts; len(out) > 0 {
		in.Outputs.Artifacts = make(map[string]artifactList, len(out))
		unique := m.env.NewID()
		for _, a := range out {
			in.Outputs.Artifacts[a.Name] = artifactList{[]runtimeArtifact{{
				Name: a.Name, Type: runtimeType{a.Type.SchemaTitle, a.Type.SchemaVersion}, Metadata: a.Metadata,
				URI: artifact.OutputURI(m.pipelineRoot(), m.plan.Pipeline, m.run.ID, n.row.Name, unique, a.Name),
			}}}
		}
	}
	return m.json.encode(in)
}

// pipelineRoot: the run's own, else the pipeline's, else the profile's.
func (m *Machine) pipelineRoot() string {
	for _, root := range []string{m.run.PipelineRoot, m.plan.DefaultRoot} {
		if root != "" {
			return root
		}
	}
	return m.env.DefaultRoot
}

// container is the step's container with the placeholders resolved that must be
// known before the pod is made.
func (m *Machine) container(n *node) plan.Container {
	c := *n.comp.Container
	fill := func(s *string) { *s = m.expand(n, *s, n.row.Inputs.Parameters) }
	fill(&c.Image)
	fill(&c.ImagePullPolicy)
	r := &c.Resources
	for _, s := range []*string{
		&r.CPURequest, &r.CPULimit, &r.MemoryRequest, &r.MemoryLimit, &r.AcceleratorType, &r.AcceleratorCount,
	} {
		fill(s)
	}
	if len(c.Env) > 0 {
		env := make([]attempt.EnvVar, len(c.Env))
		copy(env, c.Env)
		for i := range env {
			fill(&env[i].Value)
		}
		c.Env = env
	}
	return c
}

// podName is the name of an attempt's pod: readable, and unique by the task's id.
func podName(pipeline, task, id string, number int) string {
	id = strings.ReplaceAll(id, "-", "")
	if len(id) > 10 { // the end of a UUID of version 7 is its random part
		id = id[len(id)-10:]
	}
	return fmt.Sprintf("%s-%s-%s-%d", short(pipeline), short(task), short(id), number)
}

// short is s as part of a DNS label of at most 20 characters.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	s = strings.Trim(s[:min(len(s), 20)], "-")
	if s == "" {
		return "x"
	}
	return s
}

// timeText is a time as placeholders show it.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
