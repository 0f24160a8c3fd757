package ir

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Parse reads a pipeline spec: YAML of one or two documents (the second being the
// platform spec), or JSON, bare or as {"pipeline_spec":...,"platform_spec":...}.
// What does not parse or is not well-formed is refused with Errors, or with one
// error where the text itself is unreadable.
func Parse(data []byte) (*Spec, error) {
	docs, err := readDocuments(data)
	if err != nil {
		return nil, err
	}
	pipeline, platform, err := sort(docs)
	if err != nil {
		return nil, err
	}
	spec := &Spec{Pipeline: &PipelineSpec{}}
	d := &decoder{}
	d.decode("", pipeline, reflect.ValueOf(spec.Pipeline).Elem())
	if platform != nil {
		spec.Platform = &PlatformSpec{}
		d.decode("", platform, reflect.ValueOf(spec.Platform).Elem())
		if len(spec.Platform.Platforms) == 0 {
			spec.Platform = nil
		}
	}
	if len(d.errs) > 0 {
		return nil, d.errs
	}
	if errs := validate(spec); len(errs) > 0 {
		for i := range errs {
			at := locate(pipeline, errs[i].Path)
			errs[i].Line, errs[i].Column = at.line, at.col
		}
		return nil, errs
	}
	return spec, nil
}

// sort tells the pipeline document from the platform document.
func sort(docs []*node) (pipeline, platform *node, err error) {
	for _, doc := range docs {
		if doc.kind != mapKind {
			return nil, nil, errors.New("the document is not a pipeline: it must be an object with pipelineInfo and root")
		}
		if inner := doc.get("pipeline_spec", "pipelineSpec"); inner != nil {
			if len(docs) > 1 {
				return nil, nil, errors.New("more than one pipeline spec")
			}
			if inner.kind != mapKind {
				return nil, nil, errors.New("pipeline_spec must be an object")
			}
			return inner, doc.get("platform_spec", "platformSpec"), nil
		}
		switch {
		case doc.get("platforms") != nil:
			if platform != nil {
				return nil, nil, errors.New("more than one platform spec")
			}
			platform = doc
		case pipeline != nil:
			return nil, nil, errors.New("more than one pipeline spec")
		default:
			pipeline = doc
		}
	}
	if pipeline == nil {
		return nil, nil, errors.New("there is no pipeline spec in the document")
	}
	if v := pipeline.get("apiVersion"); v != nil && pipeline.get("kind") != nil {
		return nil, nil, fmt.Errorf("this is a Kubernetes object (%s), not a pipeline spec: compile the pipeline with version 2 of the kfp SDK", v.str)
	}
	return pipeline, platform, nil
}

// JSON is the stored form: the pipeline spec alone, or with its platform spec as
// {"pipeline_spec":...,"platform_spec":...}. Parse reads it back to an equal Spec.
func (s *Spec) JSON() json.RawMessage {
	var v any = s.Pipeline
	if s.Platform != nil {
		v = map[string]any{"pipeline_spec": s.Pipeline, "platform_spec": s.Platform}
	}
	data, err := json.Marshal(v)
	if err != nil { // every part of a parsed Spec encodes
		return nil
	}
	return data
}
