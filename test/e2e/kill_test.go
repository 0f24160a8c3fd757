//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/client"
)

const (
	kills       = 20
	killTimeout = 5 * time.Minute
)

// counter is a web server whose log counts what steps do.
const counter = `
apiVersion: v1
kind: Pod
metadata: {name: effects, namespace: admin, labels: {app: effects}}
spec:
  containers:
    - {name: main, image: "docker.io/library/python:3.11", command: [python3, -u, -m, http.server, "8000", -d, /tmp]}
---
apiVersion: v1
kind: Service
metadata: {name: effects, namespace: admin}
spec: {selector: {app: effects}, ports: [{port: 8000}]}
`

// effect is a step with a side effect that can be counted: a request for its own
// path. It may have to wait until network policies know its pod.
const effect = `import sys, time, urllib.request, urllib.error
time.sleep(0.2)
for _ in range(60):
    try:
        urllib.request.urlopen("http://effects.admin:8000/" + sys.argv[1], timeout=60)
    except urllib.error.HTTPError:
        break
    except urllib.error.URLError as e:
        print(e, flush=True)
        time.sleep(0.5)
time.sleep(0.2)
open(sys.argv[2], "w").write("1")
`

// effects is a pipeline of a chain of three steps beside a loop of three.
func effects(t *testing.T) json.RawMessage {
	t.Helper()
	type object = map[string]any
	list := func(v ...any) []any { return v }
	y := object{"parameters": object{"y": object{"parameterType": "STRING"}}}
	step := func(name, mark string) object {
		return object{"container": object{
			"image":   "docker.io/library/python:3.11",
			"command": list("python3", "-c", effect),
			"args":    list("{{$.pipeline_job_uuid}}/"+mark, "{{$.outputs.parameters['y'].output_file}}"),
		}}
	}
	task := func(component string, after ...any) object {
		return object{"taskInfo": object{"name": component}, "componentRef": object{"name": "comp-" + component}, "dependentTasks": after}
	}
	spec := object{
		"pipelineInfo":  object{"name": "effects"},
		"schemaVersion": "2.1.0",
		"components": object{
			"comp-a": object{"executorLabel": "a", "outputDefinitions": y},
			"comp-b": object{"executorLabel": "b", "outputDefinitions": y},
			"comp-c": object{"executorLabel": "c", "outputDefinitions": y},
			"comp-each": object{
				"executorLabel": "each", "outputDefinitions": y,
				"inputDefinitions": object{"parameters": object{"item": object{"parameterType": "STRING"}}},
			},
			"comp-loop": object{
				"inputDefinitions": object{"parameters": object{"item": object{"parameterType": "STRING"}}},
				"dag": object{"tasks": object{"each": object{
					"taskInfo": object{"name": "each"}, "componentRef": object{"name": "comp-each"},
					"inputs": object{"parameters": object{"item": object{"componentInputParameter": "item"}}},
				}}},
			},
		},
		"deploymentSpec": object{"executors": object{
			"a": step("a", "a"), "b": step("b", "b"), "c": step("c", "c"), "each": step("each", "each-{{$.inputs.parameters['item']}}"),
		}},
		"root": object{"dag": object{"tasks": object{
			"a": task("a"), "b": task("b", "a"), "c": task("c", "b"),
			"loop": object{
				"taskInfo": object{"name": "loop"}, "componentRef": object{"name": "comp-loop"},
				"parameterIterator": object{"items": object{"raw": `["x","y","z"]`}, "itemInput": "item"},
			},
		}}},
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// serverPID is the process id of the instance's server on the host.
func serverPID() (int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, file := range dirs {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		args := strings.Split(string(data), "\x00")
		if len(args) > 2 && filepath.Base(args[0]) == "slipway" && args[1] == "server" && strings.Contains(string(data), instance.dataDir) {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, fmt.Errorf("no server of %s runs", instance.dataDir)
}

// The server dies at twenty random moments: every run ends well, and what each
// step does to the world is done once. It is not parallel: others need the server.
func TestServerKilledAnywhere(t *testing.T) {
	apply(t, counter)
	defer kubectl(t, "delete", "-n", "admin", "pod/effects", "service/effects", "--grace-period=1")
	kubectl(t, "wait", "-n", "admin", "pod/effects", "--for=condition=Ready", "--timeout=60s")
	spec := effects(t)
	var runs []string
	submit := func() {
		eventually(t, killTimeout, func() error {
			run, err := instance.client.CreateRun(t.Context(), client.Run{DisplayName: "effects", PipelineSpec: spec}, "")
			if err == nil {
				runs = append(runs, run.RunID)
			}
			return err
		})
	}
	for i := range kills {
		if i%4 == 0 {
			submit()
		}
		time.Sleep(rand.N(3 * time.Second))
		eventually(t, killTimeout, func() error {
			pid, err := serverPID()
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		})
	}
	for _, id := range runs {
		if run := ended(t, id, killTimeout); run.State != "SUCCEEDED" {
			t.Errorf("run %s ended as %s: %+v", id, run.State, run.Error)
		}
	}
	log := kubectl(t, "logs", "-n", "admin", "effects")
	for _, id := range runs {
		for _, mark := range []string{"a", "b", "c", "each-x", "each-y", "each-z"} {
			if n := strings.Count(log, "GET /"+id+"/"+mark+" "); n != 1 {
				t.Errorf("run %s: step %s took effect %d times", id, mark, n)
			}
		}
	}
}
