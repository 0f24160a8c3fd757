package engine

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
)

// outputs computes what a DAG or a loop hands on. Outputs of tasks that did not
// run are missing, which is an error only for one that needs them.
func (m *Machine) outputs(n *node) pipelines.TaskIO {
	if n.loop() {
		return n.collect()
	}
	var io pipelines.TaskIO
	for i := range n.comp.DAG.Outputs {
		o := &n.comp.DAG.Outputs[i]
		for _, from := range o.From {
			up := n.children[from.Task]
			if up == nil {
				continue
			}
			if o.Artifact {
				if ids, ok := up.row.Outputs.Artifacts[from.Output]; ok {
					setArtifacts(&io, o.Name, ids)
					break
				}
			} else if v, ok := up.row.Outputs.Parameters[from.Output]; ok {
				setParameter(&io, o.Name, v)
				break
			}
		}
	}
	return io
}

func setArtifacts(io *pipelines.TaskIO, name string, ids []string) {
	if io.Artifacts == nil {
		io.Artifacts = map[string][]string{}
	}
	io.Artifacts[name] = ids
}

// collect gathers the outputs of a loop's iterations into lists, in the order of
// the iterations. Lists that an inner loop collected are concatenated, as upstream
// does; iterations without the output leave no gap.
func (n *node) collect() pipelines.TaskIO {
	var io pipelines.TaskIO
	for _, def := range n.comp.Outputs.Parameters {
		o := n.comp.DAG.Output(def.Name, false)
		setParameter(&io, def.Name, n.collectParameter(def.Name, o != nil && o.Collected))
	}
	for _, def := range n.comp.Outputs.Artifacts {
		ids := []string{}
		for _, c := range n.children {
			if c != nil {
				ids = append(ids, c.row.Outputs.Artifacts[def.Name]...)
			}
		}
		setArtifacts(&io, def.Name, ids)
	}
	return io
}

func (n *node) collectParameter(name string, flatten bool) artifact.Value {
	var out bytes.Buffer
	out.WriteByte('[')
	for _, c := range n.children {
		if c == nil {
			continue
		}
		v := []byte(c.row.Outputs.Parameters[name])
		if flatten && len(v) > 1 && v[0] == '[' {
			v = v[1 : len(v)-1]
		}
		if len(v) == 0 {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		out.Write(v)
	}
	out.WriteByte(']')
	return out.Bytes()
}

// finalStatus is dsl.PipelineTaskFinalStatus of a task.
func (m *Machine) finalStatus(n *node) (artifact.Value, error) {
	status := map[string]any{
		"state":                   n.row.State,
		"pipelineTaskName":        n.row.Name,
		"pipelineJobResourceName": m.vars[varJobResource],
		"error":                   pipelines.Status{},
	}
	if n.row.Error != nil {
		status["error"] = n.row.Error
	}
	return m.json.encode(status)
}

// failure is the sentence of a failed run: the first thing that failed, and why.
func (m *Machine) failure() string {
	f := m.firstFailed
	if f == nil || f == m.root {
		if m.root.row.Error != nil {
			return m.root.row.Error.Message
		}
		return "the run failed"
	}
	word := "task"
	if f.step() {
		word = "step"
	}
	name := strings.TrimPrefix(f.row.Path, "root/")
	return fmt.Sprintf("%s %q failed: %s", word, name, f.row.Error.Message)
}
