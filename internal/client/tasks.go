package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Task is one task of a run, in the shape of upstream's coming task API.
type Task struct {
	TaskID       string `json:"task_id"`
	ParentTaskID string `json:"parent_task_id,omitempty"`
	Name         string `json:"name"`
	DisplayName  string `json:"display_name,omitempty"`
	// ScopePath is unique in the run, for example "root/for-loop-1/[0]/train".
	ScopePath      string          `json:"scope_path,omitempty"`
	Type           string          `json:"type"`
	TypeAttributes *TypeAttributes `json:"type_attributes,omitempty"`
	State          string          `json:"state"`
	// StatusMetadata says why a task waits.
	StatusMetadata *struct {
		Message string `json:"message,omitempty"`
	} `json:"status_metadata,omitempty"`
	Error      *Status   `json:"error,omitempty"`
	CreateTime time.Time `json:"create_time,omitzero"`
	StartTime  time.Time `json:"start_time,omitzero"`
	EndTime    time.Time `json:"end_time,omitzero"`
	Pods       []TaskPod `json:"pods,omitempty"`
	Inputs     *TaskIO   `json:"inputs,omitempty"`
	Outputs    *TaskIO   `json:"outputs,omitempty"`
}

// TypeAttributes place a task in its loop.
type TypeAttributes struct {
	IterationIndex *int `json:"iteration_index,omitempty"`
	IterationCount *int `json:"iteration_count,omitempty"`
}

// TaskPod is one attempt of a step.
type TaskPod struct {
	Name    string  `json:"name,omitempty"`
	Attempt int     `json:"attempt,omitempty"`
	State   string  `json:"state,omitempty"`
	Error   *Status `json:"error,omitempty"`
}

// TaskIO are the inputs or outputs of a task.
type TaskIO struct {
	Parameters []struct {
		ParameterKey string          `json:"parameter_key"`
		Value        json.RawMessage `json:"value"`
	} `json:"parameters,omitempty"`
	Artifacts []struct {
		ArtifactKey string     `json:"artifact_key"`
		Artifacts   []Artifact `json:"artifacts"`
	} `json:"artifacts,omitempty"`
}

// Artifact is an artifact of a run. Type is a schema title without "system.".
type Artifact struct {
	ArtifactID string         `json:"artifact_id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	URI        string         `json:"uri"`
	TaskID     string         `json:"task_id,omitempty"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	CreatedAt  time.Time      `json:"created_at,omitzero"`
}

// Why is the sentence about a task that waits; empty when nothing is wrong.
func (t *Task) Why() string {
	if t.StatusMetadata == nil || !t.EndTime.IsZero() {
		return ""
	}
	return t.StatusMetadata.Message
}

// Path is the scope path without "root/".
func (t *Task) Path() string { return strings.TrimPrefix(t.ScopePath, "root/") }

// Iteration is the index in the loop above; ok is false outside loops.
func (t *Task) Iteration() (i int, ok bool) {
	if t.TypeAttributes == nil || t.TypeAttributes.IterationIndex == nil {
		return 0, false
	}
	return *t.TypeAttributes.IterationIndex, true
}

// Output is the value of an output parameter; nil: there is none.
func (t *Task) Output(name string) json.RawMessage {
	if t.Outputs == nil {
		return nil
	}
	for _, p := range t.Outputs.Parameters {
		if p.ParameterKey == name {
			return p.Value
		}
	}
	return nil
}

// Tasks returns all tasks of a run, in the order in which they were made.
func (c *Client) Tasks(ctx context.Context, runID string) ([]Task, error) {
	p, err := list[Task](ctx, c, v2beta1+"/runs/"+url.PathEscape(runID)+"/tasks", "tasks", ListOptions{})
	return p.Items, err
}

// Artifacts returns all artifacts of a run.
func (c *Client) Artifacts(ctx context.Context, runID string) ([]Artifact, error) {
	var all []Artifact
	for o := (ListOptions{PageSize: 200, RunID: runID}); ; {
		p, err := list[Artifact](ctx, c, v2beta1+"/artifacts", "artifacts", o)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if o.PageToken = p.NextPageToken; o.PageToken == "" {
			return all, nil
		}
	}
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
