package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/rest"
)

// createRun checks everything that can be wrong with a run before it is stored.
func (a *API) createRun(r *http.Request) (any, error) {
	var in run
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	err := checkAll(
		checkName("display_name", in.DisplayName, maxDisplayName), checkText("description", in.Description, maxDescription),
		checkServiceAccount(in.ServiceAccount),
	)
	if err != nil {
		return nil, err
	}
	if len(in.PluginsInput) > 0 {
		return nil, invalid("plugins_input: plugins are not supported")
	}
	if in.RuntimeConfig == nil {
		in.RuntimeConfig = &runtimeConfig{}
	}
	out := pipelines.Run{
		ID: a.NewID(), CreatedBy: login.Caller(r.Context()).User, DisplayName: in.DisplayName, Description: in.Description,
		ServiceAccount: in.ServiceAccount, Parameters: in.RuntimeConfig.Parameters, PipelineRoot: in.RuntimeConfig.PipelineRoot,
	}
	if err := a.setSource(r, &out, in); err != nil {
		return nil, err
	}
	if out.ExperimentID, err = a.experimentOf(r, in); err != nil {
		return nil, err
	}
	if out, err = a.Store.CreateRun(r.Context(), out); err != nil {
		return nil, err
	}
	return toRun(&out), nil
}

// experimentOf is the experiment that was named, or the namespace's default one.
func (a *API) experimentOf(r *http.Request, in run) (string, error) {
	query := r.URL.Query().Get("experiment_id")
	switch {
	case in.ExperimentID != "" && query != "" && query != in.ExperimentID:
		return "", invalid("experiment_id: the body names %s and the query %s", in.ExperimentID, query)
	case in.ExperimentID != "":
		return in.ExperimentID, nil
	case query != "":
		return query, nil
	}
	e, err := a.Store.EnsureExperiment(r.Context(), pipelines.Experiment{
		ID: a.NewID(), Namespace: authz.Namespace(r.Context()), CreatedBy: login.Caller(r.Context()).User, DisplayName: DefaultExperiment,
	})
	return e.ID, err
}

// setSource finds the spec that the run is of and checks parameters and root
// against it.
func (a *API) setSource(r *http.Request, out *pipelines.Run, in run) error {
	raw, field, err := a.source(r, out, in)
	if err != nil {
		return err
	}
	spec, err := readSpec(field, raw)
	if err != nil {
		return err
	}
	out.Spec = spec.JSON()
	if err := ir.CheckParameters(spec, out.Parameters); err != nil {
		return invalid("%v", err)
	}
	namespace := authz.Namespace(r.Context())
	if out.PipelineRoot != "" {
		return a.checkRoot("runtime_config.pipeline_root", namespace, out.PipelineRoot)
	}
	return a.checkRoot(field+".defaultPipelineRoot", namespace, spec.Pipeline.DefaultPipelineRoot)
}

// source is the text of the run's spec, and the field that gave it.
func (a *API) source(r *http.Request, out *pipelines.Run, in run) (raw json.RawMessage, field string, err error) {
	given := 0
	for _, set := range []bool{hasSpec(in.PipelineSpec), in.Version != nil, in.VersionID != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		return nil, "", invalid("give one of pipeline_spec, pipeline_version_reference and pipeline_version_id; %d are given", given)
	}
	if hasSpec(in.PipelineSpec) {
		return in.PipelineSpec, "pipeline_spec", nil
	}
	field = "pipeline_version_id"
	reference := versionReference{PipelineVersionID: in.VersionID}
	if in.Version != nil {
		field, reference = "pipeline_version_reference", *in.Version
	}
	v, err := a.referenced(r, field, reference)
	if err != nil {
		return nil, "", err
	}
	out.PipelineID, out.PipelineVersionID = v.PipelineID, v.ID
	return v.Spec, field, nil
}

func hasSpec(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// referenced finds a version that the caller may read; the latest where only the
// pipeline is named.
func (a *API) referenced(r *http.Request, field string, ref versionReference) (v pipelines.PipelineVersion, err error) {
	absent := rest.Errorf(rest.NotFound, "%s: no such pipeline version", field)
	switch {
	case ref.PipelineVersionID != "":
		v, err = a.Store.PipelineVersion(r.Context(), ref.PipelineVersionID)
	case ref.PipelineID != "":
		v, err = a.Store.LatestPipelineVersion(r.Context(), ref.PipelineID)
	default:
		return v, invalid("%s: name a pipeline_version_id or a pipeline_id", field)
	}
	if errors.Is(err, pipelines.ErrNotFound) {
		return v, absent
	}
	if err != nil {
		return v, err
	}
	err = authz.Check(r.Context(), "get", authz.KFP, "pipelines", v.Namespace)
	if authz.IsForbidden(err) {
		return v, absent
	}
	if err == nil && ref.PipelineID != "" && v.PipelineID != ref.PipelineID {
		err = invalid("%s: version %s is none of pipeline %s", field, v.ID, ref.PipelineID)
	}
	return v, err
}
