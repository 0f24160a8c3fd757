package agent

import (
	"encoding/json"
	"fmt"

	"github.com/slipway-ml/slipway/internal/artifact"
)

// executorInput is KFP's ExecutorInput message.
type executorInput struct {
	Inputs struct {
		ParameterValues map[string]json.RawMessage `json:"parameterValues"`
		Artifacts       map[string]artifactList    `json:"artifacts"`
	} `json:"inputs"`
	Outputs struct {
		Parameters map[string]struct {
			OutputFile string `json:"outputFile"`
		} `json:"parameters"`
		Artifacts  map[string]artifactList `json:"artifacts"`
		OutputFile string                  `json:"outputFile"`
	} `json:"outputs"`
}

type artifactList struct {
	Artifacts []runtimeArtifact `json:"artifacts"`
}

// runtimeArtifact is KFP's RuntimeArtifact message.
type runtimeArtifact struct {
	Name       string         `json:"name,omitempty"`
	URI        string         `json:"uri,omitempty"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	CustomPath string         `json:"customPath,omitempty"`
}

// path is where the artifact lies in the container.
func (a runtimeArtifact) path() string {
	if a.CustomPath != "" {
		return a.CustomPath
	}
	return artifact.LocalPath(a.URI)
}

// executorOutput is KFP's ExecutorOutput message, which the SDK's executor writes.
type executorOutput struct {
	ParameterValues map[string]json.RawMessage `json:"parameterValues"`
	Artifacts       map[string]artifactList    `json:"artifacts"`
}

func parseInput(data json.RawMessage) (*executorInput, error) {
	in := &executorInput{}
	if len(data) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(data, in); err != nil {
		return nil, fmt.Errorf("executor input: %w", err)
	}
	return in, nil
}
