package httpapi

import (
	"net/http"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/rest"
)

// DefaultExperiment holds the runs that name no experiment.
const DefaultExperiment = "Default"

func (a *API) createExperiment(r *http.Request) (any, error) {
	var in experiment
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := checkName("display_name", in.DisplayName, maxName); err != nil {
		return nil, err
	}
	if err := checkText("description", in.Description, maxDescription); err != nil {
		return nil, err
	}
	e, err := a.Store.CreateExperiment(r.Context(), pipelines.Experiment{
		ID: a.NewID(), Namespace: authz.Namespace(r.Context()), CreatedBy: login.Caller(r.Context()).User,
		DisplayName: in.DisplayName, Description: in.Description,
	})
	if err != nil {
		return nil, err
	}
	return toExperiment(e), nil
}

func (a *API) listExperiments(r *http.Request) (any, error) {
	q, err := listQuery(r, "")
	if err != nil {
		return nil, err
	}
	page, err := a.Store.ListExperiments(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return struct {
		Experiments []experiment `json:"experiments,omitempty"`
		TotalSize   int          `json:"total_size,omitempty"`
		NextToken   string       `json:"next_page_token,omitempty"`
	}{convert(page.Items, toExperiment), page.Total, page.NextToken}, nil
}

func (a *API) getExperiment(r *http.Request) (any, error) {
	e, err := a.Store.Experiment(r.Context(), r.PathValue("experiment"))
	if err != nil {
		return nil, err
	}
	return toExperiment(e), nil
}

func (a *API) archiveExperiment(state pipelines.StorageState) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		return nil, a.Store.UpdateExperiment(r.Context(), r.PathValue("experiment"), func(e *pipelines.Experiment) error {
			e.StorageState = state
			return nil
		})
	}
}

func (a *API) deleteExperiment(r *http.Request) (any, error) {
	return nil, a.Store.DeleteExperiment(r.Context(), r.PathValue("experiment"))
}
