package agent

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// resolver fills the placeholders of a command with one attempt's values.
type resolver struct {
	spec  *attempt.Spec
	input *executorInput
}

// text expands the placeholders of one string.
func (r resolver) text(s string) string { return artifact.Expand(s, r.ref) }

// args expands a command: each argument, and the structures {"IfPresent":...} and
// {"Concat":[...]}, which become any number of arguments.
func (r resolver) args(args []string) []string {
	var out []string
	for _, arg := range args {
		out = append(out, r.arg(arg)...)
	}
	return out
}

func (r resolver) arg(s string) []string {
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") {
		if structure, ok := parseStructure([]byte(trimmed)); ok {
			return r.structure(structure)
		}
	}
	return []string{r.text(s)}
}

// structure is one of the two forms that an argument can have besides text.
type structure struct {
	IfPresent *struct {
		InputName string
		Then      json.RawMessage
		Else      json.RawMessage
	}
	Concat []json.RawMessage
}

func parseStructure(data []byte) (structure, bool) {
	var s structure
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || dec.More() {
		return s, false
	}
	return s, s.IfPresent != nil || s.Concat != nil
}

func (r resolver) structure(s structure) []string {
	if s.IfPresent == nil {
		var text strings.Builder
		for _, item := range s.Concat {
			text.WriteString(strings.Join(r.node(item), ""))
		}
		return []string{text.String()}
	}
	if r.present(s.IfPresent.InputName) {
		return r.node(s.IfPresent.Then)
	}
	return r.node(s.IfPresent.Else)
}

// node expands a part of a structure: text, a list, another structure, or nothing.
func (r resolver) node(data json.RawMessage) []string {
	var text string
	if json.Unmarshal(data, &text) == nil && !artifact.IsNull(data) && len(data) > 0 {
		return r.arg(text)
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		var out []string
		for _, item := range list {
			out = append(out, r.node(item)...)
		}
		return out
	}
	if s, ok := parseStructure(data); ok {
		return r.structure(s)
	}
	return nil
}

// present reports whether an input has a value.
func (r resolver) present(name string) bool {
	if v, ok := r.input.Inputs.ParameterValues[name]; ok {
		return !artifact.IsNull(v)
	}
	return len(r.input.Inputs.Artifacts[name].Artifacts) > 0
}

// ref is the text of one placeholder; ok is false for an unknown one.
func (r resolver) ref(p artifact.Ref) (text string, ok bool) {
	switch {
	case len(p.Path) == 0:
		return string(r.spec.ExecutorInput), true
	case p.Is("inputs", "parameters") && len(p.Path) == 3:
		v, ok := r.input.Inputs.ParameterValues[p.Path[2]]
		return artifact.Text(v), ok
	case p.Is("inputs", "artifacts") && len(p.Path) > 3:
		return artifactField(r.input.Inputs.Artifacts[p.Path[2]], p.Path[3:])
	case p.Is("outputs", "artifacts") && len(p.Path) > 3:
		return artifactField(r.input.Outputs.Artifacts[p.Path[2]], p.Path[3:])
	case p.Is("outputs", "parameters") && len(p.Path) == 4 && p.Path[3] == "output_file":
		v, ok := r.input.Outputs.Parameters[p.Path[2]]
		return v.OutputFile, ok
	case p.Is("outputs", "output_file") && len(p.Path) == 2:
		return r.input.Outputs.OutputFile, true
	case len(p.Path) == 1:
		v, ok := r.spec.Placeholders[p.Path[0]]
		return v, ok
	}
	return "", false
}

// artifactField is .uri, .path, .metadata or .metadata['k'] of the first artifact.
func artifactField(list artifactList, field []string) (string, bool) {
	if len(list.Artifacts) == 0 {
		return "", false
	}
	a := list.Artifacts[0]
	switch {
	case field[0] == "uri" && len(field) == 1:
		return a.URI, true
	case field[0] == "path" && len(field) == 1:
		return a.path(), true
	case field[0] == "metadata" && len(field) == 1:
		return jsonText(a.Metadata)
	case field[0] == "metadata" && len(field) == 2:
		v, ok := a.Metadata[field[1]]
		if !ok {
			return "", false
		}
		return jsonText(v)
	}
	return "", false
}

// jsonText is the text form of a value from decoded JSON.
func jsonText(v any) (string, bool) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", false
	}
	return artifact.Text(data), true
}
