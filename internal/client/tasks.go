package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Task is one task of a run, in the shape of upstream's coming task API, with
// `why`: a sentence about a task that waits.
type Task struct {
	TaskID         string        `json:"task_id"`
	ParentTaskID   string        `json:"parent_task_id,omitempty"`
	Name           string        `json:"name"`
	DisplayName    string        `json:"display_name,omitempty"`
	Path           string        `json:"path,omitempty"`
	Type           string        `json:"type"`
	State          string        `json:"state"`
	Why            string        `json:"why,omitempty"`
	Iteration      *int          `json:"iteration,omitempty"`
	IterationCount *int          `json:"iteration_count,omitempty"`
	PodName        string        `json:"pod_name,omitempty"`
	Attempts       int           `json:"attempts,omitempty"`
	Error          *Status       `json:"error,omitempty"`
	CreateTime     time.Time     `json:"create_time,omitzero"`
	StartTime      time.Time     `json:"start_time,omitzero"`
	EndTime        time.Time     `json:"end_time,omitzero"`
	Inputs         TaskIO        `json:"inputs,omitzero"`
	Outputs        TaskIO        `json:"outputs,omitzero"`
	StateHistory   []StateChange `json:"state_history,omitempty"`
}

// StateChange is one entry of a state history.
type StateChange struct {
	UpdateTime time.Time `json:"update_time"`
	State      string    `json:"state"`
}

// TaskIO are the inputs or outputs of a task.
type TaskIO struct {
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Artifacts  map[string][]string        `json:"artifacts,omitempty"`
}

// Artifact is an artifact of a run.
type Artifact struct {
	ArtifactID string         `json:"artifact_id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	URI        string         `json:"uri"`
	TaskID     string         `json:"task_id,omitempty"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	CreatedAt  time.Time      `json:"created_at,omitzero"`
}

// Tasks returns all tasks of a run, in the order in which they were made.
func (c *Client) Tasks(ctx context.Context, runID string) ([]Task, error) {
	var all []Task
	for token := ""; ; {
		p, err := list[Task](ctx, c, v2beta1+"/runs/"+url.PathEscape(runID)+"/tasks", "tasks", ListOptions{PageSize: 200, PageToken: token})
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if token = p.NextPageToken; token == "" {
			return all, nil
		}
	}
}

// Artifacts returns all artifacts of a run.
func (c *Client) Artifacts(ctx context.Context, runID string) ([]Artifact, error) {
	var out struct {
		Artifacts []Artifact `json:"artifacts"`
	}
	err := c.call(ctx, http.MethodGet, v2beta1+"/artifacts", url.Values{"run_id": {runID}}, nil, &out)
	return out.Artifacts, err
}

// Logs streams the log of a task's latest attempt; follow keeps it open while
// the step runs. The caller closes it.
func (c *Client) Logs(ctx context.Context, runID, taskID string, follow bool) (io.ReadCloser, error) {
	path := "/apis/v1alpha1/runs/" + url.PathEscape(runID) + "/nodes/" + url.PathEscape(taskID) + "/log"
	res, err := c.send(ctx, http.MethodGet, path, url.Values{"follow": {strconv.FormatBool(follow)}}, "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
