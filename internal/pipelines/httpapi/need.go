package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/rest"
)

type namespaceFunc func(*http.Request) (string, error)

func need(resource, verb string, namespace namespaceFunc) authz.Need {
	return authz.Need{Verb: verb, Group: authz.KFP, Resource: resource, Namespace: namespace}
}

// byID is the need of routes that find one object, called noun, by its id.
func byID(noun, resource string, namespace namespaceFunc) func(verb string) authz.Need {
	return func(verb string) authz.Need {
		n := need(resource, verb, namespace)
		n.Named = func(*http.Request) string { return noun }
		return n
	}
}

// narrowing is the need of a list that a query parameter narrows to one parent.
func narrowing(parameter, noun string, namespace namespaceFunc) authz.Need {
	n := need("runs", "list", namespace)
	n.Named = func(r *http.Request) string {
		if r.URL.Query().Get(parameter) == "" {
			return ""
		}
		return noun
	}
	return n
}

// lookUp asks the store where an object lies.
func lookUp(ctx context.Context, id string, find func(context.Context, string) (string, error)) (string, error) {
	namespace, err := find(ctx, id)
	if errors.Is(err, pipelines.ErrNotFound) {
		return "", authz.ErrAbsent
	}
	return namespace, err
}

func (a *API) experimentNamespace(r *http.Request) (string, error) {
	return lookUp(r.Context(), r.PathValue("experiment"), a.Store.ExperimentNamespace)
}

// pipelineNamespace finds the pipeline in the path, or in upload_version's query.
func (a *API) pipelineNamespace(r *http.Request) (string, error) {
	id := r.PathValue("pipeline")
	if id == "" {
		id = r.URL.Query().Get("pipelineid")
	}
	return lookUp(r.Context(), id, a.Store.PipelineNamespace)
}

func (a *API) namesOrVersionsNamespace(r *http.Request) (string, error) {
	if r.PathValue("pipeline") == "names" {
		return authz.InQuery("namespace")(r)
	}
	return a.pipelineNamespace(r)
}

func (a *API) runNamespace(r *http.Request) (string, error) {
	return lookUp(r.Context(), r.PathValue("run"), a.Store.RunNamespace)
}

func (a *API) artifactNamespace(r *http.Request) (string, error) {
	return lookUp(r.Context(), r.PathValue("artifact"), a.Store.ArtifactNamespace)
}

// newRun is the need of a new run, which lies where its experiment does. One
// without lies in the namespace that the query names, in its default experiment.
func (a *API) newRun() authz.Need {
	n := need("runs", "create", func(r *http.Request) (string, error) {
		id, err := namedExperiment(r)
		if err != nil {
			return "", err
		}
		return within(r, id, a.Store.ExperimentNamespace)
	})
	n.Named = func(r *http.Request) string {
		if id, err := namedExperiment(r); err != nil || id == "" {
			return ""
		}
		return "experiment"
	}
	return n
}

// namedExperiment is the experiment that a new run's body or query names.
func namedExperiment(r *http.Request) (string, error) {
	id, err := bodyField(r, "experiment_id")
	if err == nil && id == "" {
		id = r.URL.Query().Get("experiment_id")
	}
	return id, err
}

func (a *API) listedRunsNamespace(r *http.Request) (string, error) {
	return narrowed(r, "experiment_id", a.Store.ExperimentNamespace)
}

func (a *API) listedArtifactsNamespace(r *http.Request) (string, error) {
	return narrowed(r, "run_id", a.Store.RunNamespace)
}

// narrowed is the namespace of a list that a query parameter may narrow to one
// parent: the parent's. A parent elsewhere than in the namespace asked for does
// not exist there.
func narrowed(r *http.Request, parameter string, find func(context.Context, string) (string, error)) (string, error) {
	return within(r, r.URL.Query().Get(parameter), find)
}

func within(r *http.Request, parent string, find func(context.Context, string) (string, error)) (string, error) {
	asked := r.URL.Query().Get("namespace")
	if parent == "" {
		return authz.OrHome(r, asked)
	}
	namespace, err := lookUp(r.Context(), parent, find)
	if err == nil && asked != "" && asked != namespace {
		err = authz.ErrAbsent
	}
	return namespace, err
}

// inBody finds the namespace in the request's JSON body.
func inBody(path ...string) namespaceFunc {
	return func(r *http.Request) (string, error) {
		given, err := bodyField(r, path...)
		if err != nil {
			return "", err
		}
		return authz.OrHome(r, given)
	}
}

// bodyField looks a text up in the body. Whether the body is good in other ways
// is the handler's question.
func bodyField(r *http.Request, path ...string) (string, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, rest.MaxBody)
	body, err := authz.Body(r)
	if err != nil {
		return "", rest.BodyError(err, rest.MaxBody)
	}
	var value json.RawMessage = body
	for _, key := range path {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(value, &object); err != nil {
			return "", nil //nolint:nilerr // the handler's strict decoder says what is wrong
		}
		value = object[key]
		if value == nil {
			value = object[rest.Camel(key)]
		}
		if value == nil {
			return "", nil
		}
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return "", nil //nolint:nilerr // as above
	}
	return text, nil
}
