package engine_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
)

func TestAFailedStepFailsTheRunAfterIndependentBranchesHaveEnded(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "nested"), nil, func(s engine.Start, in input) (map[string]any, error) {
			if s.Task.Name == "use" {
				return nil, errors.New("exit code 3")
			}
			return echo(s, in)
		})
		w.restart = restart
		w.runAll()
		want := "inner FAILED\ninner/use FAILED\nmiddle SUCCEEDED Output:1\nmiddle/make SUCCEEDED Output=\"middle\" data:1\nroot FAILED\nsay SKIPPED\nsay-2 SKIPPED"
		if diff := cmp.Diff(want, w.tree()); diff != "" {
			t.Error(diff)
		}
		if w.run.State != pipelines.Failed || w.run.Error.Message != `step "inner/use" failed: exit code 3` {
			t.Errorf("run is %s: %v", w.run.State, w.run.Error)
		}
		for _, task := range w.tasks {
			if task.Name == "say" && task.Why != `task "inner", which it needs, failed` {
				t.Errorf("say was skipped because: %q", task.Why)
			}
			if last := task.History[len(task.History)-1]; last.State != task.State {
				t.Errorf("%s is %s and its history ends in %s", task.Path, task.State, last.State)
			}
		}
	})
}

func TestBadOutputsFailTheStepAndNameTheOutput(t *testing.T) {
	tests := map[string]struct {
		out  map[string]any
		want string
	}{
		"missing":       {nil, `step "number" failed: the step wrote no output parameter "Output"`},
		"of wrong type": {map[string]any{"Output": "seven"}, `step "number" failed: output parameter "Output" must be an integer (NUMBER_INTEGER), got a string: "seven"`},
		"with fraction": {map[string]any{"Output": 1.5}, `step "number" failed: output parameter "Output" must be an integer (NUMBER_INTEGER), got a number: 1.5`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, load(t, "branches"), nil, func(engine.Start, input) (map[string]any, error) { return tt.out, nil }).runAll()
			if w.run.State != pipelines.Failed || w.run.Error.Message != tt.want {
				t.Errorf("run is %s: %v, want %s", w.run.State, w.run.Error, tt.want)
			}
		})
	}
}

func TestATerminatedRunIsCanceledOnceItsPodsAreGone(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "loops"), nil, echo)
		w.restart = restart
		starts := w.advance()
		w.advance(engine.TaskStarted{TaskID: starts[0].Task.ID, Number: 1, At: w.now})
		if more := w.advance(engine.Terminate{}); len(more) > 0 {
			t.Fatalf("started %d steps after the end was asked for", len(more))
		}
		w.run.TerminateRequested = w.now // as the store has it
		if w.run.State != pipelines.Canceling || len(w.stopped) != len(starts) {
			t.Fatalf("run is %s, %d of %d attempts are stopped", w.run.State, len(w.stopped), len(starts))
		}
		w.advance(w.outcome(starts[0]))
		for _, s := range starts[1:] {
			if w.done {
				t.Fatal("the run ended before its pods")
			}
			w.advance(engine.AttemptLost{TaskID: s.Task.ID, Number: 1, Reason: "deleted"})
		}
		if !w.done || w.run.State != pipelines.Canceled {
			t.Fatalf("run is %s", w.run.State)
		}
		for _, task := range w.tasks {
			switch {
			case task.ID == starts[0].Task.ID:
				if task.State != pipelines.Succeeded {
					t.Errorf("the step that ended well is %s", task.State)
				}
			case task.State != pipelines.Canceled:
				t.Errorf("%s is %s", task.Path, task.State)
			}
		}
	})
}

func TestANewOwnerOfATerminatedRunStopsItsPodsAgain(t *testing.T) {
	w := newWorld(t, load(t, "loops"), nil, echo)
	starts := w.advance()
	w.run.TerminateRequested = w.now
	w.m = w.machine()
	w.advance()
	w.stopped = nil
	w.m = w.machine()
	if open := w.m.Open(); len(open) != len(starts) {
		t.Errorf("%d attempts are open, want %d", len(open), len(starts))
	}
	w.advance()
	if len(w.stopped) != len(starts) {
		t.Errorf("%d stops, want %d", len(w.stopped), len(starts))
	}
}

func TestALostAttemptIsRepeatedAndOldNewsIsIgnored(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "chain"), nil, func(engine.Start, input) (map[string]any, error) {
			return map[string]any{"out": "x"}, nil
		})
		w.restart = restart
		first := w.advance()[0]
		again := w.advance(engine.AttemptLost{TaskID: first.Task.ID, Number: 1, Reason: "the node is gone"})
		if len(again) != 1 || again[0].Attempt.Number != 2 || again[0].Attempt.PodName == first.Attempt.PodName {
			t.Fatalf("starts after the loss: %+v", again)
		}
		if more := w.advance(w.outcome(first), engine.AttemptLost{TaskID: first.Task.ID, Number: 1}); len(more) > 0 {
			t.Fatalf("old news started %d attempts", len(more))
		}
		for n := 2; n < engine.LostLimit; n++ {
			if again = w.advance(engine.AttemptLost{TaskID: first.Task.ID, Number: n, Reason: "gone"}); len(again) != 1 {
				t.Fatalf("attempt %d was not repeated", n)
			}
		}
		w.advance(engine.AttemptLost{TaskID: first.Task.ID, Number: engine.LostLimit, Reason: "the node is gone"})
		if want := `step "produce" failed: 5 attempts ended without an outcome; the last one: the node is gone`; !w.done || w.run.Error.Message != want {
			t.Errorf("run is %s: %v", w.run.State, w.run.Error)
		}
	})
}

func TestAWaitingStepSaysWhyAndARefusedOneFails(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "chain"), nil, echo)
		w.restart = restart
		s := w.advance()[0]
		w.advance(engine.TaskWaiting{TaskID: s.Task.ID, Why: "the image is pulled"})
		if got := w.tasks[s.Task.ID]; got.Why != "the image is pulled" || got.State != pipelines.Pending {
			t.Errorf("task %s: %q", got.State, got.Why)
		}
		w.advance(engine.StartRefused{TaskID: s.Task.ID, Number: 1, Reason: "there is no image busybox"})
		if got := w.tasks[s.Task.ID]; got.Why != "" || got.State != pipelines.Failed {
			t.Errorf("task %s: %q", got.State, got.Why)
		}
		if want := `step "produce" failed: there is no image busybox`; !w.done || w.run.Error.Message != want {
			t.Errorf("run is %s: %v", w.run.State, w.run.Error)
		}
	})
}

func TestARunWithBadParametersFailsWithASentence(t *testing.T) {
	w := newWorld(t, load(t, "branches"), map[string]string{"threshold": `"high"`}, echo)
	w.advance()
	if want := `input parameter "threshold" must be an integer (NUMBER_INTEGER), got a string: "high"`; !w.done || w.run.Error.Message != want {
		t.Errorf("run is %s: %v", w.run.State, w.run.Error)
	}
}
