package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
	"github.com/slipway-ml/slipway/internal/rest"
)

// readSpec parses a spec and refuses what is wrong in it or not supported; field
// says where it was given.
func readSpec(field string, data []byte) (*ir.Spec, error) {
	spec, err := ir.Parse(data)
	if err != nil {
		return nil, invalid("%s: %v", field, err)
	}
	if _, err := plan.Compile(spec); err != nil {
		return nil, invalid("%s: %v", field, err)
	}
	return spec, nil
}

// newVersion checks a version that is to be created. One of its two names is enough.
func (a *API) newVersion(r *http.Request, in pipelineVersion) (pipelines.PipelineVersion, error) {
	if in.Name == "" {
		in.Name = in.DisplayName
	}
	if in.DisplayName == "" {
		in.DisplayName = in.Name
	}
	v := pipelines.PipelineVersion{
		ID: a.NewID(), CreatedBy: login.Caller(r.Context()).User, Name: in.Name, DisplayName: in.DisplayName,
		Description: in.Description, CodeSourceURL: in.CodeSourceURL, Tags: in.Tags,
	}
	err := checkAll(
		checkName("name", v.Name, maxName), checkText("display_name", v.DisplayName, maxDisplayName),
		checkText("description", v.Description, maxDescription), checkText("code_source_url", v.CodeSourceURL, maxDescription), checkTags(v.Tags),
	)
	if err != nil {
		return v, err
	}
	if in.PackageURL != nil {
		return v, invalid("package_url: the server fetches no packages; upload the file (POST %s/pipelines/upload_version) or give pipeline_spec", v2beta1)
	}
	if len(in.PipelineSpec) == 0 {
		return v, invalid("pipeline_spec: must not be empty")
	}
	spec, err := readSpec("pipeline_spec", in.PipelineSpec)
	if err != nil {
		return v, err
	}
	v.Spec = spec.JSON()
	return v, nil
}

func (a *API) createVersion(r *http.Request) (any, error) {
	var in pipelineVersion
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	pipelineID := r.PathValue("pipeline")
	if in.PipelineID != "" && in.PipelineID != pipelineID {
		return nil, invalid("pipeline_id: %s is not the pipeline of the path, %s", in.PipelineID, pipelineID)
	}
	v, err := a.newVersion(r, in)
	if err != nil {
		return nil, err
	}
	v.PipelineID = pipelineID
	if v, err = a.Store.CreatePipelineVersion(r.Context(), v); err != nil {
		return nil, err
	}
	return toVersion(v), nil
}

func (a *API) listVersions(r *http.Request) (any, error) {
	q, err := listQuery(r, "")
	if err != nil {
		return nil, err
	}
	q.Parent = r.PathValue("pipeline")
	page, err := a.Store.ListPipelineVersions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return struct {
		Versions  []pipelineVersion `json:"pipeline_versions,omitempty"`
		NextToken string            `json:"next_page_token,omitempty"`
		TotalSize int               `json:"total_size,omitempty"`
	}{convert(page.Items, toVersion), page.NextToken, page.Total}, nil
}

// version finds the version in the path; one of another pipeline is not there.
func (a *API) version(r *http.Request) (pipelines.PipelineVersion, error) {
	id := r.PathValue("version")
	v, err := a.Store.PipelineVersion(r.Context(), id)
	if err == nil && v.PipelineID != r.PathValue("pipeline") {
		err = fmt.Errorf("pipeline version %s: %w", id, pipelines.ErrNotFound)
	}
	return v, err
}

func (a *API) getVersion(r *http.Request) (any, error) {
	v, err := a.version(r)
	if err != nil {
		return nil, err
	}
	return toVersion(v), nil
}

// updateVersion changes what the body sets of display name, description and tags.
func (a *API) updateVersion(r *http.Request) (any, error) {
	var in pipelineVersion
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	err := checkAll(checkText("display_name", in.DisplayName, maxDisplayName), checkText("description", in.Description, maxDescription), checkTags(in.Tags))
	if err != nil {
		return nil, err
	}
	v, err := a.version(r)
	if err != nil {
		return nil, err
	}
	v, err = a.Store.UpdatePipelineVersion(r.Context(), v.ID, func(v *pipelines.PipelineVersion) error {
		setText(&v.DisplayName, in.DisplayName)
		setText(&v.Description, in.Description)
		if in.Tags != nil {
			v.Tags = in.Tags
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return toVersion(v), nil
}

func (a *API) deleteVersion(r *http.Request) (any, error) {
	v, err := a.version(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Store.DeletePipelineVersion(r.Context(), v.ID)
}

// parseTags reads the upload routes' tags: a JSON object of texts.
func parseTags(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	var tags map[string]string
	if err := json.Unmarshal([]byte(text), &tags); err != nil {
		return nil, invalid("tags: expected a JSON object of texts: %v", err)
	}
	return tags, checkTags(tags)
}
