package httpapi

import (
	"context"
	"net/http"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
)

// snapshotOf reads what the tasks of a run show.
func (a *API) snapshotOf(ctx context.Context, runID string, tasks []pipelines.Task) (*snapshot, error) {
	attempts, err := a.Store.Attempts(ctx, runID)
	if err != nil {
		return nil, err
	}
	s := &snapshot{attempts: map[string][]pipelines.Attempt{}, artifacts: map[string]pipelines.Artifact{}}
	for _, attempt := range attempts {
		s.attempts[attempt.TaskID] = append(s.attempts[attempt.TaskID], attempt)
	}
	found, err := a.Store.ArtifactsByID(ctx, artifactIDs(tasks))
	if err != nil {
		return nil, err
	}
	for _, artifact := range found {
		s.artifacts[artifact.ID] = artifact
	}
	return s, nil
}

func artifactIDs(tasks []pipelines.Task) []string {
	seen := map[string]bool{}
	var ids []string
	for i := range tasks {
		for _, lists := range []map[string][]string{tasks[i].Inputs.Artifacts, tasks[i].Outputs.Artifacts} {
			for _, list := range lists {
				for _, id := range list {
					if !seen[id] {
						seen[id] = true
						ids = append(ids, id)
					}
				}
			}
		}
	}
	return ids
}

// listTasks answers all tasks of a run: a graph is of no use in pages.
func (a *API) listTasks(r *http.Request) (any, error) {
	runID := r.PathValue("run")
	tasks, err := a.Store.Tasks(r.Context(), runID)
	if err != nil {
		return nil, err
	}
	s, err := a.snapshotOf(r.Context(), runID, tasks)
	if err != nil {
		return nil, err
	}
	children := map[string][]childTask{}
	for i := range tasks {
		children[tasks[i].ParentID] = append(children[tasks[i].ParentID], childTask{tasks[i].ID})
	}
	return struct {
		Tasks     []pipelineTask `json:"tasks,omitempty"`
		TotalSize int            `json:"total_size,omitempty"`
	}{convert(tasks, func(t pipelines.Task) pipelineTask {
		out := s.toTask(&t)
		out.ChildTasks = children[t.ID]
		return out
	}), len(tasks)}, nil
}

func (a *API) getTask(r *http.Request) (any, error) {
	runID := r.PathValue("run")
	task, err := a.Store.Task(r.Context(), runID, r.PathValue("task"))
	if err != nil {
		return nil, err
	}
	s, err := a.snapshotOf(r.Context(), runID, []pipelines.Task{task})
	if err != nil {
		return nil, err
	}
	return s.toTask(&task), nil
}

func (a *API) listArtifacts(r *http.Request) (any, error) {
	q, err := listQuery(r, "run_id")
	if err != nil {
		return nil, err
	}
	if task := r.URL.Query().Get("task_id"); task != "" {
		q.Filter = append(q.Filter, sqlstore.Predicate{Key: "task_id", Op: sqlstore.OpEquals, Value: task})
	}
	page, err := a.Store.ListArtifacts(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return struct {
		Artifacts []artifactWire `json:"artifacts,omitempty"`
		TotalSize int            `json:"total_size,omitempty"`
		NextToken string         `json:"next_page_token,omitempty"`
	}{convert(page.Items, toArtifact), page.Total, page.NextToken}, nil
}

func (a *API) getArtifact(r *http.Request) (any, error) {
	id := r.PathValue("artifact")
	found, err := a.Store.ArtifactsByID(r.Context(), []string{id})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, pipelines.ErrNotFound
	}
	return toArtifact(found[0]), nil
}
