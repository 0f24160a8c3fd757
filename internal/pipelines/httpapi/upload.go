package httpapi

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/slipway-ml/slipway/internal/rest"
)

const (
	uploadField = "uploadfile"
	packageFile = "pipeline.yaml" // preferred in an archive
)

// handleUpload answers errors as upstream's upload routes do.
func handleUpload(do func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		var e *rest.Error
		if err = translate(err); err != nil && !errors.As(err, &e) {
			rest.WriteError(w, r, err)
			return
		}
		if e != nil {
			rest.Write(w, e.HTTPStatus(), struct {
				Message string `json:"error_message"`
				Details string `json:"error_details"`
			}{e.Message, e.Message})
			return
		}
		rest.Write(w, http.StatusOK, v)
	})
}

// readUpload reads the uploaded package as the version that it makes.
func readUpload(r *http.Request) (file string, in pipelineVersion, err error) {
	query := r.URL.Query()
	in = pipelineVersion{
		Name: query.Get("name"), DisplayName: query.Get("display_name"), Description: query.Get("description"),
		CodeSourceURL: query.Get("code_source_url"),
	}
	if in.Tags, err = parseTags(query.Get("tags")); err != nil {
		return "", in, err
	}
	file, data, err := rest.Upload(r, uploadField)
	if err != nil {
		return "", in, err
	}
	document, err := rest.Unpack(file, data, packageFile)
	if err != nil {
		return "", in, err
	}
	spec, err := readSpec(path.Base(file), document)
	if err != nil {
		return "", in, err
	}
	in.PipelineSpec = spec.JSON()
	return file, in, nil
}

// uploadPipeline makes a pipeline with its first version, which has its name.
func (a *API) uploadPipeline(r *http.Request) (any, error) {
	file, in, err := readUpload(r)
	if err != nil {
		return nil, err
	}
	if in.Name == "" && in.DisplayName == "" {
		in.Name = baseName(file)
	}
	p, err := a.newPipeline(r, pipeline{Name: in.Name, DisplayName: in.DisplayName, Description: in.Description, Tags: in.Tags})
	if err != nil {
		return nil, err
	}
	v, err := a.newVersion(r, in)
	if err != nil {
		return nil, err
	}
	if p, _, err = a.Store.CreatePipelineAndVersion(r.Context(), p, v); err != nil {
		return nil, err
	}
	return toPipeline(p), nil
}

func (a *API) uploadVersion(r *http.Request) (any, error) {
	file, in, err := readUpload(r)
	if err != nil {
		return nil, err
	}
	if in.Name == "" && in.DisplayName == "" {
		in.Name = baseName(file)
	}
	v, err := a.newVersion(r, in)
	if err != nil {
		return nil, err
	}
	v.PipelineID = r.URL.Query().Get("pipelineid")
	if v, err = a.Store.CreatePipelineVersion(r.Context(), v); err != nil {
		return nil, err
	}
	return toVersion(v), nil
}

// baseName is a file's name without the endings of packages.
func baseName(file string) string {
	name := path.Base(strings.ReplaceAll(file, `\`, "/"))
	for _, ending := range []string{".yaml", ".yml", ".json", ".zip", ".tar.gz", ".tgz"} {
		if trimmed, ok := strings.CutSuffix(name, ending); ok && trimmed != "" {
			return trimmed
		}
	}
	return name
}
