//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "ask kfp.local again for the outputs in testdata/kfp_local.json")

// A golden case: a pipeline of the KFP project's test data, and the outputs that the SDK's own kfp.local gives for it.
type localCase struct {
	File      string                     `json:"file"`
	Arguments map[string]json.RawMessage `json:"arguments,omitempty"`
	Outputs   map[string]any             `json:"outputs"`
}

const localCases = "testdata/kfp_local.json"

// Pipelines of the corpus end with the outputs that the SDK's kfp.local gives.
func TestCorpusAgreesWithLocal(t *testing.T) {
	t.Parallel()
	corpus := corpusDir(t)
	data, err := os.ReadFile(localCases)
	if err != nil {
		t.Fatal(err)
	}
	var cases []localCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if *update {
		askLocal(t, corpus, cases)
	}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			t.Parallel()
			args := []string{"run", "submit", filepath.Join(corpus, c.File), "-o", "json"}
			for name, value := range c.Arguments {
				args = append(args, "-p", name+"="+text(t, value))
			}
			var made struct {
				ID string `json:"run_id"`
			}
			out := slipway(t, args...)
			if err := json.Unmarshal([]byte(out), &made); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if r := ended(t, made.ID, 6*time.Minute); r.State != "SUCCEEDED" {
				t.Fatalf("%s\n%s", r.State, slipway(t, "run", "get", made.ID))
			}
			if diff := cmp.Diff(c.Outputs, rootOutputs(t, made.ID)); diff != "" {
				t.Errorf("outputs differ from kfp.local's (-local +slipway):\n%s", diff)
			}
		})
	}
}

// corpusDir finds the corpus or skips.
func corpusDir(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("SLIPWAY_SHARED")
	if shared == "" {
		shared = filepath.Join(instance.root, "..", "shared")
	}
	dir := filepath.Join(shared, "corpus", "kfp", "valid")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: the corpus of compiled pipelines is not at %s (SLIPWAY_SHARED names its folder)", dir)
	}
	return dir
}

// text is a JSON value as -p takes it.
func text(t *testing.T, value json.RawMessage) string {
	t.Helper()
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

// rootOutputs are a run's output parameters.
func rootOutputs(t *testing.T, id string) map[string]any {
	t.Helper()
	tasks, err := instance.client.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, task := range tasks {
		if task.ParentTaskID != "" || task.Outputs == nil {
			continue
		}
		for _, p := range task.Outputs.Parameters {
			var v any
			if err := json.Unmarshal(p.Value, &v); err != nil {
				t.Fatal(err)
			}
			out[p.ParameterKey] = v
		}
	}
	return out
}

// askLocal rewrites the outputs of the cases with what kfp.local gives now.
func askLocal(t *testing.T, corpus string, cases []localCase) {
	t.Helper()
	for i := range cases {
		args, err := json.Marshal(cases[i].Arguments)
		if err != nil {
			t.Fatal(err)
		}
		script, err := filepath.Abs("testdata/kfp_local.py")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Getenv("SLIPWAY_PYTHON"), script, filepath.Join(corpus, cases[i].File), t.TempDir(), string(args))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("kfp.local %s: %v", cases[i].File, err)
		}
		cases[i].Outputs = map[string]any{}
		if err := json.Unmarshal(out, &cases[i].Outputs); err != nil {
			t.Fatalf("kfp.local %s: %v\n%s", cases[i].File, err, out)
		}
	}
	data, err := json.MarshalIndent(cases, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(localCases, append(data, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
