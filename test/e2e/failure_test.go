//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/client"
)

// step is the JSON of a pipeline of one container step.
func step(t *testing.T, container map[string]any) json.RawMessage {
	t.Helper()
	spec, err := json.Marshal(map[string]any{
		"schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.3",
		"pipelineInfo":   map[string]any{"name": "one-step"},
		"components":     map[string]any{"comp-it": map[string]any{"executorLabel": "exec-it"}},
		"deploymentSpec": map[string]any{"executors": map[string]any{"exec-it": map[string]any{"container": container}}},
		"root": map[string]any{"dag": map[string]any{"tasks": map[string]any{"it": map[string]any{
			"taskInfo": map[string]any{"name": "it"}, "componentRef": map[string]any{"name": "comp-it"},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func submit(t *testing.T, spec json.RawMessage, namespace string) string {
	t.Helper()
	run, err := instance.client.CreateRun(t.Context(), client.Run{DisplayName: t.Name(), PipelineSpec: spec}, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return run.RunID
}

// said is all that a run says about its step: why it waits, or why it failed.
func said(t *testing.T, id string) string {
	t.Helper()
	tasks, err := instance.client.Tasks(t.Context(), id)
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, task := range tasks {
		words = append(words, task.Why())
		if task.Error != nil {
			words = append(words, task.Error.Message)
		}
	}
	return strings.Join(words, " ")
}

// A step that cannot start says why on its run, within seconds, with the remedy.
func TestStepsThatCannotStartSayWhy(t *testing.T) {
	t.Parallel()
	slipway(t, "profile", "create", "narrow", "--quota", "requests.memory=64Mi", "--quota", "limits.memory=64Mi")
	for name, c := range map[string]struct {
		container map[string]any
		namespace string
		want      []string
		ends      bool
	}{
		"an image that is nowhere": {
			container: map[string]any{"image": "registry.invalid/nope/none:1", "command": []string{"true"}},
			want:      []string{"registry.invalid/nope/none:1", "slipway image"}, ends: true,
		},
		"more memory than any node has": {
			container: map[string]any{"image": "busybox", "command": []string{"true"}, "resources": map[string]any{"resourceMemoryRequest": "900G", "resourceMemoryLimit": "900G"}},
			want:      []string{"memory", "900G"},
		},
		"more than the quota allows": {
			container: map[string]any{"image": "busybox", "command": []string{"true"}, "resources": map[string]any{"resourceMemoryRequest": "1G", "resourceMemoryLimit": "1G"}},
			namespace: "narrow", want: []string{"quota"}, ends: true, // it can never be met
		},
		"a program that is not in the image": {
			container: map[string]any{"image": "busybox", "command": []string{"no-such-program"}},
			want:      []string{"no-such-program"}, ends: true,
		},
		"a command that fails": {
			container: map[string]any{"image": "busybox", "command": []string{"sh", "-c", "echo the reason >&2; exit 7"}},
			want:      []string{"7", "the reason"}, ends: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := submit(t, step(t, c.container), c.namespace)
			eventually(t, 90*time.Second, func() error {
				text := said(t, id)
				for _, w := range c.want {
					if !strings.Contains(text, w) {
						return fmt.Errorf("the run does not name %q: %s", w, text)
					}
				}
				return nil
			})
			if !c.ends {
				if err := instance.client.TerminateRun(t.Context(), id); err != nil {
					t.Error(err)
				}
				if r := ended(t, id, time.Minute); r.State != "CANCELED" {
					t.Errorf("terminated, and %s", r.State)
				}
				return
			}
			if r := ended(t, id, 2*time.Minute); r.State != "FAILED" || r.Error == nil || r.Error.Message == "" {
				t.Errorf("the run is %s: %+v", r.State, r.Error)
			}
		})
	}
}

// A pod that somebody deletes is made again; the run ends as it should, and its log is kept.
func TestDeletedPodIsRepeated(t *testing.T) {
	t.Parallel()
	id := submit(t, step(t, map[string]any{"image": "busybox", "command": []string{"sh", "-c", "echo started; sleep 8; echo finished"}}), "")
	var pod string
	eventually(t, podTimeout, func() error {
		pod = strings.TrimSpace(kubectl(t, "get", "pods", "-n", "admin", "-l", "pipelines.kubeflow.org/run-id="+id, "--field-selector=status.phase=Running", "-o", "name"))
		if pod == "" {
			return fmt.Errorf("no pod of run %s runs yet", id)
		}
		return nil
	})
	kubectl(t, "delete", "-n", "admin", pod, "--grace-period=0", "--force")
	if r := ended(t, id, 2*time.Minute); r.State != "SUCCEEDED" {
		t.Fatalf("%s: %+v", r.State, r.Error)
	}
	kubectl(t, "delete", "pods", "-n", "admin", "-l", "pipelines.kubeflow.org/run-id="+id, "--wait")
	if log := slipway(t, "run", "logs", id, "it"); !strings.Contains(log, "finished") {
		t.Errorf("the log is lost with the pod:\n%s", log)
	}
}

// Bad input is refused with the right status and a sentence that names the place.
func TestBadInput(t *testing.T) {
	t.Parallel()
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := string(step(t, map[string]any{"image": "busybox", "command": []string{"true"}}))
	for name, c := range map[string]struct{ file, want string }{
		"an unreadable YAML names line and column": {write("a.yaml", "pipelineInfo:\n  name: x\n bad: ["), "line"},
		"an unknown schema version":                {write("b.yaml", strings.Replace(good, "2.1.0", "9.9.9", 1)), "schemaVersion"},
		"a component that is missing":              {write("c.yaml", strings.Replace(good, `"componentRef":{"name":"comp-it"}`, `"componentRef":{"name":"comp-other"}`, 1)), "comp-other"},
		"an unknown field":                         {write("d.yaml", strings.Replace(good, `"componentRef"`, `"wrong":1,"componentRef"`, 1)), "root.dag.tasks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := trySlipway(t, "pipeline", "upload", c.file)
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("want a refusal that names %q, got %v: %s", c.want, err, out)
			}
		})
	}
	for path, want := range map[string]int{
		"/apis/v2beta1/runs?filter=%7Bbroken":          http.StatusBadRequest,
		"/apis/v2beta1/runs?page_token=nonsense":       http.StatusBadRequest,
		"/apis/v2beta1/runs?sort_by=nothing":           http.StatusBadRequest,
		"/apis/v2beta1/runs/no-such-run":               http.StatusNotFound,
		"/apis/slipway.dev/v1/data/..%2F..%2Fpasswd":   http.StatusBadRequest,
		"/apis/slipway.dev/v1/data/x?namespace=team-z": http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+instance.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
	}
}
