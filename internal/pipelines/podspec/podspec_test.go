package podspec

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is an input file: what a pod is built from.
type golden struct {
	Run       pipelines.Run
	Spec      attempt.Spec
	Container plan.Container
	Settings  Settings
}

func (g golden) start(t *testing.T) engine.Start {
	t.Helper()
	input, err := json.Marshal(g.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Start{
		Attempt:   pipelines.Attempt{TaskID: g.Spec.TaskID, RunID: g.Spec.RunID, Number: g.Spec.Number, PodName: "pipe-train-0123456789-1", Input: input},
		Spec:      g.Spec,
		Task:      pipelines.Task{Name: g.Spec.TaskName, Path: "root/" + g.Spec.TaskName},
		Container: g.Container,
	}
}

func TestBuild(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".in.yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := yaml.UnmarshalStrict(data, &g); err != nil {
				t.Fatal(err)
			}
			pod, err := Build(g.start(t), &g.Run, g.Settings)
			got, yamlErr := yaml.Marshal(pod)
			if yamlErr != nil {
				t.Fatal(yamlErr)
			}
			if err != nil {
				got = []byte("error: " + err.Error() + "\n")
			}
			out := strings.Replace(file, ".in.", ".out.", 1)
			if *update {
				if err := os.WriteFile(out, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLargeSpecTravelsAsAnObject(t *testing.T) {
	g := golden{Spec: attempt.Spec{Bucket: "team", Prefix: ".slipway/runs/r/t/1", Command: []string{strings.Repeat("x", attempt.InlineLimit)}}}
	g.Container = plan.Container{Image: "python:3.11", Command: g.Spec.Command}
	start := g.start(t)
	pod, err := Build(start, &g.Run, g.Settings)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range pod.Spec.Containers[0].Env {
		found[e.Name] = e.Value
	}
	_, inline := found[attempt.EnvSpec]
	if inline || found[attempt.EnvSpecObject] != "s3://team/.slipway/runs/r/t/1/spec.json" || Inline(start.Attempt.Input) {
		t.Errorf("inline: %t, object: %q", inline, found[attempt.EnvSpecObject])
	}
}
