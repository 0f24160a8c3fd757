package engine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// input is the ExecutorInput as a step sees it.
type input struct {
	Inputs struct {
		ParameterValues map[string]json.RawMessage
		Artifacts       map[string]struct{ Artifacts []artifactJSON }
	}
	Outputs struct {
		Parameters map[string]struct{ OutputFile string }
		Artifacts  map[string]struct{ Artifacts []artifactJSON }
		OutputFile string
	}
}

type artifactJSON struct {
	Name string
	Type struct{ SchemaTitle, SchemaVersion string }
	URI  string
}

func (in input) param(name string) string { return string(in.Inputs.ParameterValues[name]) }

// work plays a step: it returns the output parameters, or an error as its failure.
type work func(s engine.Start, in input) (map[string]any, error)

// world plays the store and the cluster around a machine. With restart set it
// makes a new machine from the stored rows before each Advance, as after a crash.
type world struct {
	t       *testing.T
	plan    *plan.Plan
	env     engine.Env
	restart bool
	do      work

	m         *engine.Machine
	now       time.Time
	run       pipelines.Run
	tasks     map[string]pipelines.Task
	order     []string
	attempts  map[string]pipelines.Attempt
	artifacts []pipelines.Artifact
	started   []engine.Start
	stopped   []engine.Stop
	done      bool
	peak      int // most attempts open at once
	opened    int
}

func load(t testing.TB, name string) *plan.Plan {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "plan", "testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ir.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newWorld(t *testing.T, p *plan.Plan, params map[string]string, do work) *world {
	t.Helper()
	n := 0
	w := &world{
		t: t, plan: p, do: do, now: start,
		tasks: map[string]pipelines.Task{}, attempts: map[string]pipelines.Attempt{},
		env: engine.Env{
			NewID:       func() string { n++; return fmt.Sprintf("%08d-0000-7000-8000-%012d", n, n) },
			DefaultRoot: "s3://team/v2/artifacts", Bucket: "team",
		},
		run: pipelines.Run{
			ID: "run-1", Namespace: "team", DisplayName: "my run", State: pipelines.Pending, CreatedAt: start,
			Parameters: map[string]pipelines.Value{},
		},
	}
	for name, v := range params {
		w.run.Parameters[name] = pipelines.Value(v)
	}
	w.m = w.machine()
	return w
}

func (w *world) machine() *engine.Machine {
	w.t.Helper()
	snap := engine.Snapshot{Run: w.run, Artifacts: slices.Clone(w.artifacts)}
	for _, id := range w.order {
		snap.Tasks = append(snap.Tasks, w.tasks[id])
	}
	for _, a := range w.attempts {
		snap.Attempts = append(snap.Attempts, a)
	}
	m, err := engine.New(w.plan, snap, w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// advance is one turn of the owner of a run: events in, rows committed, starts out.
func (w *world) advance(events ...engine.Event) []engine.Start {
	w.t.Helper()
	if w.restart {
		w.m = w.machine()
	}
	w.now = w.now.Add(time.Second)
	w.m.Advance(w.now, events...)
	change, starts, stops, done := w.m.Take()
	if change.Run != nil {
		w.run = *change.Run
	}
	for _, t := range change.Tasks {
		if _, ok := w.tasks[t.ID]; !ok {
			w.order = append(w.order, t.ID)
		}
		w.tasks[t.ID] = t
	}
	for _, a := range change.Attempts {
		w.attempts[fmt.Sprint(a.TaskID, "/", a.Number)] = a
	}
	w.artifacts = append(w.artifacts, change.Artifacts...)
	w.started = append(w.started, starts...)
	w.stopped = append(w.stopped, stops...)
	w.done = done
	w.opened += len(starts)
	w.peak = max(w.peak, w.opened)
	return starts
}

// outcome runs a step's work and reports its outcome.
func (w *world) outcome(s engine.Start) engine.AttemptFinished {
	w.t.Helper()
	var in input
	if err := json.Unmarshal(s.Spec.ExecutorInput, &in); err != nil {
		w.t.Fatalf("%s: %v", s.Task.Path, err)
	}
	o := &attempt.Outcome{Succeeded: true, StartedAt: w.now, FinishedAt: w.now}
	out, err := w.do(s, in)
	if err != nil {
		o.Succeeded, o.ExitCode, o.Message = false, 1, err.Error()
	}
	for name, v := range out {
		raw := mustJSON(w.t, v)
		if o.Parameters == nil {
			o.Parameters = map[string]json.RawMessage{}
		}
		o.Parameters[name] = raw
	}
	for name, list := range in.Outputs.Artifacts {
		if o.Artifacts == nil {
			o.Artifacts = map[string][]attempt.Artifact{}
		}
		for _, a := range list.Artifacts {
			o.Artifacts[name] = append(o.Artifacts[name], attempt.Artifact{
				Name: name, URI: a.URI, Type: attempt.ArtifactType{SchemaTitle: a.Type.SchemaTitle, SchemaVersion: a.Type.SchemaVersion},
			})
		}
	}
	return engine.AttemptFinished{TaskID: s.Task.ID, Number: s.Attempt.Number, Outcome: o, At: w.now}
}

// runAll plays the run to its end, one finished step per turn.
func (w *world) runAll() *world {
	w.t.Helper()
	open := w.advance()
	for turns := 0; !w.done; turns++ {
		if turns > 100_000 {
			w.t.Fatal("the run does not end")
		}
		if len(open) == 0 {
			next := w.m.Next()
			if next.IsZero() {
				w.t.Fatalf("nothing is open and the run is %s:\n%s", w.run.State, w.tree())
			}
			w.now = next
			open = append(open, w.advance()...)
			continue
		}
		s := open[0]
		w.opened--
		open = append(open[1:], w.advance(engine.TaskStarted{TaskID: s.Task.ID, Number: s.Attempt.Number, At: w.now}, w.outcome(s))...)
	}
	return w
}

// tree draws the tasks: path, state and outputs, one a line.
func (w *world) tree() string {
	var lines []string
	for _, t := range w.tasks {
		line := strings.TrimPrefix(t.Path, "root/") + " " + string(t.State)
		for _, name := range sortedKeys(t.Outputs.Parameters) {
			line += fmt.Sprintf(" %s=%s", name, t.Outputs.Parameters[name])
		}
		for _, name := range sortedKeys(t.Outputs.Artifacts) {
			line += fmt.Sprintf(" %s:%d", name, len(t.Outputs.Artifacts[name]))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func mustJSON(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sortedKeys[T any](m map[string]T) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// both runs a test with one machine from start to end, and with a new machine
// made from the stored rows at every turn.
func both(t *testing.T, test func(t *testing.T, restart bool)) {
	t.Helper()
	for name, restart := range map[string]bool{"one machine": false, "restarted at every turn": true} {
		t.Run(name, func(t *testing.T) { test(t, restart) })
	}
}
