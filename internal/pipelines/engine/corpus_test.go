package engine_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// sample is a value of each type.
var sample = map[string]any{
	"STRING": "heads", "NUMBER_INTEGER": 3, "NUMBER_DOUBLE": 0.5, "BOOLEAN": true,
	"LIST": []any{map[string]any{"A_a": "heads", "B_b": []int{1}, "a": 1, "b": "x"}}, "STRUCT": map[string]any{"A_a": 1, "B_b": 2, "a": 1},
}

// TestTheOfficialCorpusRunsToItsEnd plays each supported pipeline with steps that
// give a value of the declared type.
func TestTheOfficialCorpusRunsToItsEnd(t *testing.T) {
	shared := os.Getenv("SLIPWAY_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	root := filepath.Join(shared, "corpus", "kfp", "valid")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the corpus is not here: set SLIPWAY_SHARED (looked for %s)", root)
	}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		t.Run(strings.TrimPrefix(path, root+string(filepath.Separator)), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			both(t, func(t *testing.T, restart bool) { playCorpus(t, data, restart) })
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func playCorpus(t *testing.T, data []byte, restart bool) {
	spec, err := ir.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(spec)
	if u := (*plan.UnsupportedError)(nil); errors.As(err, &u) {
		t.Skip(u)
	} else if err != nil {
		t.Fatal(err)
	}
	params := map[string]string{}
	for _, in := range p.Root.Inputs.Parameters {
		if in.Type == artifact.TaskFinalStatus {
			t.Skip("no run can be given a final status")
		}
		if !in.Optional && in.Default == nil {
			params[in.Name] = string(mustJSON(t, sample[string(in.Type)]))
		}
	}
	for _, a := range p.Root.Inputs.Artifacts {
		if !a.Optional {
			t.Skip("no run can be given an artifact")
		}
	}
	w := newWorld(t, p, params, func(s engine.Start, _ input) (map[string]any, error) {
		out := map[string]any{}
		for name, typ := range s.Spec.OutputParameters {
			out[name] = sample[typ]
		}
		return out, nil
	})
	w.restart = restart
	w.runAll()
	if w.run.State != pipelines.Succeeded {
		t.Errorf("run is %s: %v\n%s", w.run.State, w.run.Error, w.tree())
	}
}
