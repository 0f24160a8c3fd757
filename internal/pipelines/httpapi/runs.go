package httpapi

import (
	"net/http"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

func (a *API) listRuns(r *http.Request) (any, error) {
	q, err := listQuery(r, "experiment_id")
	if err != nil {
		return nil, err
	}
	page, err := a.Store.ListRuns(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return struct {
		Runs      []run  `json:"runs,omitempty"`
		TotalSize int    `json:"total_size,omitempty"`
		NextToken string `json:"next_page_token,omitempty"`
	}{convert(page.Items, func(r pipelines.Run) run { return toRun(&r) }), page.Total, page.NextToken}, nil
}

func (a *API) getRun(r *http.Request) (any, error) {
	id := r.PathValue("run")
	found, err := a.Store.Run(r.Context(), id)
	if err != nil {
		return nil, err
	}
	tasks, err := a.Store.Tasks(r.Context(), id)
	if err != nil {
		return nil, err
	}
	return toRunWithTasks(found, tasks), nil
}

func (a *API) archiveRun(state pipelines.StorageState) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		return nil, a.Store.UpdateRun(r.Context(), r.PathValue("run"), func(run *pipelines.Run) error {
			run.StorageState = state
			return nil
		})
	}
}

func (a *API) terminateRun(r *http.Request) (any, error) {
	return nil, a.Store.RequestTerminate(r.Context(), r.PathValue("run"), a.Clock())
}

func (a *API) deleteRun(r *http.Request) (any, error) {
	return nil, a.Store.DeleteRun(r.Context(), r.PathValue("run"))
}
