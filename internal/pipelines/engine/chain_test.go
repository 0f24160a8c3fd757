package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
)

func TestAChainHandsOutputsOn(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "chain"), map[string]string{"text": `"hi"`}, func(s engine.Start, in input) (map[string]any, error) {
			if s.Task.Name == "produce" {
				return map[string]any{"out": "from " + in.param("text")}, nil
			}
			return nil, nil
		})
		w.restart = restart
		w.runAll()
		if w.run.State != pipelines.Succeeded {
			t.Fatalf("run is %s: %v", w.run.State, w.run.Error)
		}
		want := "consume SUCCEEDED\nproduce SUCCEEDED out=\"from \\\"hi\\\"\"\nroot SUCCEEDED"
		if diff := cmp.Diff(want, w.tree()); diff != "" {
			t.Error(diff)
		}
		if got := w.started[1].Spec.ExecutorInput; string(got) !=
			`{"inputs":{"parameterValues":{"text":"from \"hi\""}},"outputs":{"outputFile":"/tmp/kfp_outputs/output_metadata.json"}}` {
			t.Errorf("executor input: %s", got)
		}
	})
}
