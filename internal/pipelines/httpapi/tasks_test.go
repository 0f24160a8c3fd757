package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

// progressed gives ann's run R a loop with one iteration: a cached step, and a
// step on its second attempt that waits.
func progressed(t *testing.T, w *world, runID string) {
	t.Helper()
	held, err := w.store.Acquire(t.Context(), "me", start, start.Add(time.Hour), 1)
	if err != nil || len(held) != 1 {
		t.Fatal(held, err)
	}
	run := held[0]
	run.State, run.StartedAt = pipelines.Running, start
	task := func(id, parent, name, path string, kind pipelines.TaskType, state pipelines.State) pipelines.Task {
		return pipelines.Task{
			ID: id, RunID: runID, ParentID: parent, Name: name, Path: path, Type: kind, State: state,
			Iteration: -1, IterationCount: -1, CreatedAt: start, StartedAt: start,
			History: []pipelines.StateChange{{At: start, State: state}},
		}
	}
	root := task("t0", "", "root", "root", pipelines.TaskRoot, pipelines.Running)
	root.DisplayName = "greet"
	loop := task("t1", "t0", "for-loop-1", "root/for-loop-1", pipelines.TaskLoop, pipelines.Running)
	loop.IterationCount = 1
	turn := task("t2", "t1", "for-loop-1", "root/for-loop-1/[0]", pipelines.TaskDAG, pipelines.Running)
	turn.Iteration = 0
	split := task("t3", "t2", "split", "root/for-loop-1/[0]/split", pipelines.TaskRuntime, pipelines.Cached)
	split.Outputs = pipelines.TaskIO{
		Parameters: map[string]pipelines.Value{"rows": []byte("3.0"), "a": []byte(`"x"`)}, Artifacts: map[string][]string{"data": {"a1"}},
	}
	split.Fingerprint, split.CachedFrom, split.FinishedAt = "f00", "t9", start.Add(time.Second)
	train := task("t4", "t2", "train", "root/for-loop-1/[0]/train", pipelines.TaskRuntime, pipelines.Pending)
	train.DisplayName, train.PodName = "Train it", "train-2"
	train.Why = "the image busybox:9 cannot be pulled"
	train.Inputs = pipelines.TaskIO{Artifacts: map[string][]string{"data": {"a1"}, "gone": {"a9"}}}
	err = w.store.Commit(t.Context(), run.Lease, pipelines.Change{
		Run: &run, Tasks: []pipelines.Task{root, loop, turn, split, train},
		Attempts: []pipelines.Attempt{
			{TaskID: "t4", RunID: runID, Number: 1, PodName: "train-1", State: pipelines.Failed, Error: &pipelines.Status{Message: "exit 1"}},
			{TaskID: "t4", RunID: runID, Number: 2, PodName: "train-2", State: pipelines.Running},
		},
		Artifacts: []pipelines.Artifact{
			{ID: "a1", RunID: runID, TaskID: "t3", Name: "data", SchemaTitle: "system.Dataset", SchemaVersion: "0.0.1", URI: "s3://kf-ann/d.csv", Metadata: map[string]any{"rows": 3.0}, CreatedAt: start},
			{ID: "a2", RunID: runID, TaskID: "t3", Name: "m", SchemaTitle: "system.Metrics", Metadata: map[string]any{"accuracy": 0.5}, CreatedAt: start},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func byKey(items any, key string) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, item := range items.([]any) {
		object := item.(map[string]any)
		out[object[key].(string)] = object
	}
	return out
}

const at = "2026-03-01T12:00:00Z"

func TestTaskDetailsAreAFaceOfTheTasks(t *testing.T) {
	w := newWorld(t)
	id := given(t, w)["R"]
	progressed(t, w, id)
	got := w.ok(t, "ann", "GET", api+"/runs/"+id, "").JSON(t)
	if message := got["error"].(map[string]any)["message"]; message != "root/for-loop-1/[0]/train: the image busybox:9 cannot be pulled" {
		t.Errorf("the run says %v", message)
	}
	details := byKey(got["run_details"].(map[string]any)["task_details"], "task_id")
	want := map[string]map[string]any{
		"t0": {"run_id": id, "task_id": "t0", "display_name": "root", "create_time": at, "start_time": at, "state": "RUNNING",
			"state_history": []any{map[string]any{"update_time": at, "state": "RUNNING"}}, "child_tasks": []any{map[string]any{"task_id": "t1"}}},
		"t3": {"run_id": id, "task_id": "t3", "display_name": "split", "create_time": at, "start_time": at, "end_time": "2026-03-01T12:00:01Z",
			"state": "SUCCEEDED", "parent_task_id": "t2", "state_history": []any{map[string]any{"update_time": at, "state": "SUCCEEDED"}},
			"outputs": map[string]any{"data": map[string]any{"artifact_ids": []any{"a1"}}}},
		"t4": {"run_id": id, "task_id": "t4", "display_name": "Train it", "create_time": at, "start_time": at, "state": "PENDING",
			"parent_task_id": "t2", "pod_name": "train-2", "executor_detail": map[string]any{"main_job": "train-2"},
			"error":         map[string]any{"code": 14.0, "message": "the image busybox:9 cannot be pulled"},
			"state_history": []any{map[string]any{"update_time": at, "state": "PENDING"}},
			"inputs":        map[string]any{"data": map[string]any{"artifact_ids": []any{"a1"}}, "gone": map[string]any{"artifact_ids": []any{"a9"}}}},
	}
	for id, detail := range want {
		if diff := cmp.Diff(detail, details[id]); diff != "" {
			t.Errorf("%s: -want +got:\n%s", id, diff)
		}
	}
	if len(details) != 5 {
		t.Errorf("%d tasks", len(details))
	}
	listed := w.ok(t, "ann", "GET", api+"/runs", "").JSON(t)["runs"].([]any)[0].(map[string]any)
	if _, ok := listed["run_details"]; ok {
		t.Error("the list of runs carries tasks")
	}
}

func TestTasksAreServedInUpstreamsComingShape(t *testing.T) {
	w := newWorld(t)
	id := given(t, w)["R"]
	progressed(t, w, id)
	answer := w.ok(t, "ann", "GET", api+"/runs/"+id+"/tasks", "").JSON(t)
	tasks := byKey(answer["tasks"], "task_id")
	dataset := map[string]any{"artifact_id": "a1", "name": "data", "type": "Dataset", "uri": "s3://kf-ann/d.csv", "metadata": map[string]any{"rows": 3.0},
		"created_at": at, "namespace": "ann", "schema_title": "system.Dataset", "schema_version": "0.0.1", "run_id": id, "task_id": "t3"}
	want := map[string]any{
		"name": "split", "display_name": "split", "task_id": "t3", "run_id": id, "parent_task_id": "t2", "scope_path": "root/for-loop-1/[0]/split",
		"type": "RUNTIME", "state": "CACHED", "create_time": at, "start_time": at, "end_time": "2026-03-01T12:00:01Z",
		"cache_fingerprint": "f00", "cached_from_task_id": "t9", "state_history": []any{map[string]any{"update_time": at, "state": "SUCCEEDED"}},
		"outputs": map[string]any{
			"parameters": []any{map[string]any{"parameter_key": "a", "value": "x"}, map[string]any{"parameter_key": "rows", "value": 3.0}},
			"artifacts":  []any{map[string]any{"artifact_key": "data", "artifacts": []any{dataset}}},
		},
	}
	if diff := cmp.Diff(want, tasks["t3"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for task, attributes := range map[string]map[string]any{"t1": {"iteration_count": 1.0}, "t2": {"iteration_index": 0.0}} {
		if diff := cmp.Diff(any(attributes), tasks[task]["type_attributes"]); diff != "" {
			t.Errorf("%s: -want +got:\n%s", task, diff)
		}
	}
	pods := []any{
		map[string]any{"name": "train-1", "type": "EXECUTOR", "attempt": 1.0, "state": "FAILED", "error": map[string]any{"message": "exit 1"}},
		map[string]any{"name": "train-2", "type": "EXECUTOR", "attempt": 2.0, "state": "RUNNING"},
	}
	one := w.ok(t, "ann", "GET", api+"/runs/"+id+"/tasks/t4", "").JSON(t)
	if diff := cmp.Diff(any(pods), one["pods"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if why := one["status_metadata"].(map[string]any)["message"]; why != "the image busybox:9 cannot be pulled" {
		t.Errorf("why: %v", why)
	}
	if a := w.do("ann", "GET", api+"/runs/"+id+"/tasks/none", ""); a.Status != http.StatusNotFound {
		t.Errorf("no such task: %d", a.Status)
	}
}

func TestArtifactsAreListedWithTheirMetadata(t *testing.T) {
	w := newWorld(t)
	id := given(t, w)["R"]
	progressed(t, w, id)
	for query, want := range map[string]float64{"?run_id=" + id: 2, "": 2, "?task_id=t3": 2, "?task_id=t4": 0, "?namespace=shared": 0} {
		total, _ := w.ok(t, "ann", "GET", api+"/artifacts"+query, "").JSON(t)["total_size"].(float64)
		if total != want {
			t.Errorf("%q: %v artifacts, want %v", query, total, want)
		}
	}
	metric := w.ok(t, "ann", "GET", api+"/artifacts/a2", "").JSON(t)
	if metric["number_value"] != 0.5 || metric["type"] != "Metrics" {
		t.Errorf("got %v", metric)
	}
	theirs, none := w.do("bob", "GET", api+"/artifacts/a2", ""), w.do("bob", "GET", api+"/artifacts/none", "")
	if theirs.Status != http.StatusNotFound || theirs.Body != none.Body {
		t.Errorf("another's artifact: %d %s", theirs.Status, theirs.Body)
	}
}

func TestLogsAndArtifactsOfNodes(t *testing.T) {
	w := newWorld(t)
	id := given(t, w)["R"]
	progressed(t, w, id)
	logs, files := "/apis/v1alpha1/runs/"+id+"/nodes/", api+"/runs/"+id+"/nodes/"
	cases := map[string]struct {
		path   string
		status int
		want   string
	}{
		"by id":               {logs + "t4/log", 200, "ann train-2 2 follow=false\n"},
		"by pod, followed":    {logs + "train-2/log?follow=true", 200, "ann train-2 2 follow=true\n"},
		"by name, one try":    {logs + "train/log?attempt=1", 200, "ann train-1 1 follow=false\n"},
		"no such try":         {logs + "train/log?attempt=3", 404, ""},
		"try zero":            {logs + "train/log?attempt=0", 400, ""},
		"follow what":         {logs + "train/log?follow=perhaps", 400, ""},
		"a node without pods": {logs + "t0/log", 404, ""},
		"output":              {files + "split/artifacts/data:read", 200, "ann reads s3://kf-ann/d.csv"},
		"input":               {files + "t4/artifacts/data:read", 200, "ann reads s3://kf-ann/d.csv"},
		"its row is gone":     {files + "t4/artifacts/gone:read", 404, ""},
		"no such artifact":    {files + "split/artifacts/none:read", 404, ""},
		"no such index":       {files + "split/artifacts/data:read?index=1", 404, ""},
		"index of words":      {files + "split/artifacts/data:read?index=x", 400, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := w.do("ann", "GET", c.path, "")
			if a.Status != c.status || (c.want != "" && a.Body != c.want) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	header := w.do("ann", "GET", files+"split/artifacts/data:read", "").Header
	want := http.Header{
		"Content-Type": {"application/octet-stream"}, "X-Content-Type-Options": {"nosniff"}, "Content-Length": {"27"},
		"Content-Security-Policy": {"sandbox"}, "Content-Disposition": {"attachment; filename=d.csv"},
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("users' content in our origin: -want +got:\n%s", diff)
	}
}
