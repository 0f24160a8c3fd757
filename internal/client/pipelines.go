package client

import (
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const v2beta1 = "/apis/v2beta1"

// Status is google.rpc.Status.
type Status struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Experiment of v2beta1.
type Experiment struct {
	ExperimentID string    `json:"experiment_id,omitempty"`
	DisplayName  string    `json:"display_name,omitempty"`
	Description  string    `json:"description,omitempty"`
	Namespace    string    `json:"namespace,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero"`
}

// Pipeline of v2beta1.
type Pipeline struct {
	PipelineID  string    `json:"pipeline_id,omitempty"`
	Name        string    `json:"name,omitempty"`
	DisplayName string    `json:"display_name,omitempty"`
	Description string    `json:"description,omitempty"`
	Namespace   string    `json:"namespace,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
}

// PipelineVersion of v2beta1.
type PipelineVersion struct {
	PipelineID        string          `json:"pipeline_id,omitempty"`
	PipelineVersionID string          `json:"pipeline_version_id,omitempty"`
	Name              string          `json:"name,omitempty"`
	DisplayName       string          `json:"display_name,omitempty"`
	Description       string          `json:"description,omitempty"`
	CreatedAt         time.Time       `json:"created_at,omitzero"`
	PipelineSpec      json.RawMessage `json:"pipeline_spec,omitempty"`
}

// Run of v2beta1.
type Run struct {
	ExperimentID   string          `json:"experiment_id,omitempty"`
	RunID          string          `json:"run_id,omitempty"`
	DisplayName    string          `json:"display_name,omitempty"`
	Description    string          `json:"description,omitempty"`
	StorageState   string          `json:"storage_state,omitempty"`
	ServiceAccount string          `json:"service_account,omitempty"`
	PipelineSpec   json.RawMessage `json:"pipeline_spec,omitempty"`
	Version        *VersionRef     `json:"pipeline_version_reference,omitempty"`
	RuntimeConfig  *RuntimeConfig  `json:"runtime_config,omitempty"`
	State          string          `json:"state,omitempty"`
	Error          *Status         `json:"error,omitempty"`
	CreatedAt      time.Time       `json:"created_at,omitzero"`
	FinishedAt     time.Time       `json:"finished_at,omitzero"`
}

// VersionRef names the pipeline version that a run executes.
type VersionRef struct {
	PipelineID        string `json:"pipeline_id,omitempty"`
	PipelineVersionID string `json:"pipeline_version_id,omitempty"`
}

// RuntimeConfig carries a run's parameters.
type RuntimeConfig struct {
	Parameters   map[string]json.RawMessage `json:"parameters,omitempty"`
	PipelineRoot string                     `json:"pipeline_root,omitempty"`
}

// ListOptions page and filter a list. Filter is the JSON of v2beta1.
type ListOptions struct {
	Namespace, PageToken, SortBy, Filter string
	PageSize                             int
	RunID                                string // of artifacts
}

func (o ListOptions) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"namespace": o.Namespace, "page_token": o.PageToken, "sort_by": o.SortBy, "filter": o.Filter, "run_id": o.RunID} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if o.PageSize > 0 {
		q.Set("page_size", strconv.Itoa(o.PageSize))
	}
	return q
}

// Page is one page of a list.
type Page[T any] struct {
	Items         []T
	NextPageToken string
	TotalSize     int
}

func list[T any](ctx context.Context, c *Client, path, key string, o ListOptions) (Page[T], error) {
	var raw map[string]json.RawMessage
	if err := c.call(ctx, http.MethodGet, path, o.query(), nil, &raw); err != nil {
		return Page[T]{}, err
	}
	var p Page[T]
	for name, into := range map[string]any{key: &p.Items, "next_page_token": &p.NextPageToken, "total_size": &p.TotalSize} {
		if b, ok := raw[name]; ok {
			if err := json.Unmarshal(b, into); err != nil {
				return Page[T]{}, err
			}
		}
	}
	return p, nil
}

// ListRuns returns a page of runs.
func (c *Client) ListRuns(ctx context.Context, o ListOptions) (Page[Run], error) {
	return list[Run](ctx, c, v2beta1+"/runs", "runs", o)
}

// ListPipelines returns a page of pipelines.
func (c *Client) ListPipelines(ctx context.Context, o ListOptions) (Page[Pipeline], error) {
	return list[Pipeline](ctx, c, v2beta1+"/pipelines", "pipelines", o)
}

// ListVersions returns a page of a pipeline's versions.
func (c *Client) ListVersions(ctx context.Context, pipelineID string, o ListOptions) (Page[PipelineVersion], error) {
	return list[PipelineVersion](ctx, c, v2beta1+"/pipelines/"+url.PathEscape(pipelineID)+"/versions", "pipeline_versions", o)
}

// ListExperiments returns a page of experiments.
func (c *Client) ListExperiments(ctx context.Context, o ListOptions) (Page[Experiment], error) {
	return list[Experiment](ctx, c, v2beta1+"/experiments", "experiments", o)
}

// CreateExperiment makes an experiment.
func (c *Client) CreateExperiment(ctx context.Context, e Experiment) (Experiment, error) {
	var out Experiment
	err := c.call(ctx, http.MethodPost, v2beta1+"/experiments", nil, e, &out)
	return out, err
}

// CreateRun starts a run.
func (c *Client) CreateRun(ctx context.Context, r Run, namespace string) (Run, error) {
	q := url.Values{}
	if namespace != "" {
		q.Set("namespace", namespace)
	}
	var out Run
	err := c.call(ctx, http.MethodPost, v2beta1+"/runs", q, r, &out)
	return out, err
}

// Run returns a run by id.
func (c *Client) Run(ctx context.Context, id string) (Run, error) {
	var out Run
	err := c.call(ctx, http.MethodGet, v2beta1+"/runs/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// TerminateRun asks for a run's end.
func (c *Client) TerminateRun(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, v2beta1+"/runs/"+url.PathEscape(id)+":terminate", nil, nil, nil)
}

// Pipeline returns a pipeline by id.
func (c *Client) Pipeline(ctx context.Context, id string) (Pipeline, error) {
	var out Pipeline
	err := c.call(ctx, http.MethodGet, v2beta1+"/pipelines/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// UploadPipeline makes a pipeline with its first version from a compiled
// package; versionOf (a pipeline's id) adds a version to that pipeline instead.
func (c *Client) UploadPipeline(ctx context.Context, file io.Reader, filename string, query url.Values, versionOf string) (PipelineVersion, error) {
	path := v2beta1 + "/pipelines/upload"
	if versionOf != "" {
		path += "_version"
		query.Set("pipelineid", versionOf)
	}
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		part, err := form.CreateFormFile("uploadfile", filename)
		if err == nil {
			_, err = io.Copy(part, file)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	res, err := c.send(ctx, http.MethodPost, path, query, form.FormDataContentType(), pr)
	if err != nil {
		return PipelineVersion{}, err
	}
	defer res.Body.Close()
	var out PipelineVersion
	err = json.NewDecoder(res.Body).Decode(&out)
	return out, err
}
