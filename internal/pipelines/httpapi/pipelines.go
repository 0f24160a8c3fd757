package httpapi

import (
	"net/http"
	"strconv"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/rest"
)

// newPipeline checks a pipeline that is to be created. One of its two names is
// enough.
func (a *API) newPipeline(r *http.Request, in pipeline) (pipelines.Pipeline, error) {
	if in.Name == "" {
		in.Name = in.DisplayName
	}
	if in.DisplayName == "" {
		in.DisplayName = in.Name
	}
	p := pipelines.Pipeline{
		ID: a.NewID(), Namespace: authz.Namespace(r.Context()), CreatedBy: login.Caller(r.Context()).User,
		Name: in.Name, DisplayName: in.DisplayName, Description: in.Description, Tags: in.Tags,
	}
	return p, checkAll(
		checkName("name", p.Name, maxName), checkText("display_name", p.DisplayName, maxDisplayName),
		checkText("description", p.Description, maxDescription), checkTags(p.Tags),
	)
}

func (a *API) createPipeline(r *http.Request) (any, error) {
	var in pipeline
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	p, err := a.newPipeline(r, in)
	if err != nil {
		return nil, err
	}
	if p, err = a.Store.CreatePipeline(r.Context(), p); err != nil {
		return nil, err
	}
	return toPipeline(p), nil
}

func (a *API) createPipelineAndVersion(r *http.Request) (any, error) {
	var in pipelineAndVersion
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	p, err := a.newPipeline(r, in.Pipeline)
	if err != nil {
		return nil, err
	}
	if in.PipelineVersion.Name == "" && in.PipelineVersion.DisplayName == "" {
		in.PipelineVersion.Name = p.Name
	}
	v, err := a.newVersion(r, in.PipelineVersion)
	if err != nil {
		return nil, err
	}
	if p, _, err = a.Store.CreatePipelineAndVersion(r.Context(), p, v); err != nil {
		return nil, err
	}
	return toPipeline(p), nil
}

func (a *API) listPipelines(r *http.Request) (any, error) {
	q, err := listQuery(r, "")
	if err != nil {
		return nil, err
	}
	page, err := a.Store.ListPipelines(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return struct {
		Pipelines []pipeline `json:"pipelines,omitempty"`
		TotalSize int        `json:"total_size,omitempty"`
		NextToken string     `json:"next_page_token,omitempty"`
	}{convert(page.Items, toPipeline), page.Total, page.NextToken}, nil
}

func (a *API) getPipeline(r *http.Request) (any, error) {
	p, err := a.Store.Pipeline(r.Context(), r.PathValue("pipeline"))
	if err != nil {
		return nil, err
	}
	return toPipeline(p), nil
}

// namesOrVersions serves GET /pipelines/names/{name} and /pipelines/{id}/versions.
func (a *API) namesOrVersions(r *http.Request) (any, error) {
	namespace := authz.Namespace(r.Context())
	switch {
	case r.PathValue("pipeline") == "names":
		p, err := a.Store.PipelineByName(r.Context(), namespace, r.PathValue("rest"))
		if err != nil {
			return nil, err
		}
		return toPipeline(p), nil
	case r.PathValue("rest") == "versions":
		if err := authz.Check(r.Context(), "list", authz.KFP, "pipelines", namespace); err != nil {
			return nil, err
		}
		return a.listVersions(r)
	default:
		return nil, rest.Errorf(rest.NotFound, "no such route: %s", r.URL.Path)
	}
}

// updatePipeline changes what the body sets of display name, description and tags.
func (a *API) updatePipeline(r *http.Request) (any, error) {
	var in pipeline
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	err := checkAll(checkText("display_name", in.DisplayName, maxDisplayName), checkText("description", in.Description, maxDescription), checkTags(in.Tags))
	if err != nil {
		return nil, err
	}
	p, err := a.Store.UpdatePipeline(r.Context(), r.PathValue("pipeline"), func(p *pipelines.Pipeline) error {
		setText(&p.DisplayName, in.DisplayName)
		setText(&p.Description, in.Description)
		if in.Tags != nil {
			p.Tags = in.Tags
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return toPipeline(p), nil
}

func (a *API) deletePipeline(r *http.Request) (any, error) {
	cascade := false
	if text := r.URL.Query().Get("cascade"); text != "" {
		var err error
		if cascade, err = strconv.ParseBool(text); err != nil {
			return nil, invalid("cascade: expected true or false, not %q", text)
		}
	}
	return nil, a.Store.DeletePipeline(r.Context(), r.PathValue("pipeline"), cascade)
}

func setText(field *string, given string) {
	if given != "" {
		*field = given
	}
}

// checkAll is the first of the checks that failed.
func checkAll(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
