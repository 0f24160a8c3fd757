package run

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pipelineHead is what submit reads of a spec; the server checks the rest.
type pipelineHead struct {
	PipelineInfo struct {
		Name string `json:"name"`
	} `json:"pipelineInfo"`
	Root struct {
		InputDefinitions struct {
			Parameters map[string]struct {
				ParameterType string `json:"parameterType"`
			} `json:"parameters"`
		} `json:"inputDefinitions"`
	} `json:"root"`
}

func head(spec json.RawMessage) (pipelineHead, error) {
	var nested struct {
		PipelineSpec json.RawMessage `json:"pipeline_spec"`
	}
	if err := json.Unmarshal(spec, &nested); err == nil && nested.PipelineSpec != nil {
		spec = nested.PipelineSpec
	}
	var h pipelineHead
	if err := json.Unmarshal(spec, &h); err != nil {
		return h, fmt.Errorf("this is no compiled pipeline: %w", err)
	}
	return h, nil
}

// parameters types key=value pairs as the pipeline declares them.
func parameters(h pipelineHead, pairs []string) (map[string]json.RawMessage, error) {
	params := map[string]json.RawMessage{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("-p %s: want key=value", pair)
		}
		def, ok := h.Root.InputDefinitions.Parameters[key]
		if !ok {
			return nil, fmt.Errorf("-p %s: the pipeline %s has no parameter %q; it has: %s", pair, h.PipelineInfo.Name, key, known(h))
		}
		value, err := typed(def.ParameterType, text)
		if err != nil {
			return nil, fmt.Errorf("-p %s: %w", pair, err)
		}
		params[key] = value
	}
	return params, nil
}

func known(h pipelineHead) string {
	var names []string
	for name := range h.Root.InputDefinitions.Parameters {
		names = append(names, name)
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func typed(parameterType, text string) (json.RawMessage, error) {
	switch parameterType {
	case "NUMBER_INTEGER":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no integer", text)
		}
		return json.Marshal(n)
	case "NUMBER_DOUBLE":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", text)
		}
		return json.Marshal(f)
	case "BOOLEAN":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return json.Marshal(b)
	case "LIST", "STRUCT":
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("a %s is given as JSON", strings.ToLower(parameterType))
		}
		return json.RawMessage(text), nil
	default:
		return json.Marshal(text)
	}
}
