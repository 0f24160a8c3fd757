package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines/engine"
)

// echo answers for the components of the test pipelines.
func echo(s engine.Start, in input) (map[string]any, error) {
	name := strings.TrimRight(s.Task.Name, "-0123456789")
	switch name {
	case "number":
		return map[string]any{"Output": 7}, nil
	case "double":
		n, err := strconv.Atoi(in.param("num"))
		return map[string]any{"Output": 2 * n}, err
	case "total":
		sum := 0
		for n := range strings.SplitSeq(strings.Trim(in.param("nums"), "[]"), ",") {
			i, err := strconv.Atoi(n)
			if err != nil {
				return nil, err
			}
			sum += i
		}
		return map[string]any{"Output": sum}, nil
	case "best":
		return map[string]any{"Output": len(in.Inputs.Artifacts["models"].Artifacts)}, nil
	case "use":
		return map[string]any{"Output": in.param("size") + " " + in.Inputs.Artifacts["data"].Artifacts[0].Name}, nil
	case "image":
		return map[string]any{"Output": "alpine:3"}, nil
	case "make", "say":
		text, err := strconv.Unquote(in.param("text"))
		return map[string]any{"Output": text}, err
	}
	return nil, nil
}

func TestRunsEndAsTheirPipelineSays(t *testing.T) {
	tests := map[string]struct {
		pipeline string
		params   map[string]string
		state    string
		tree     string
	}{
		"the If branch is taken, its inner conditions are decided, the others are skipped": {
			pipeline: "branches", state: "SUCCEEDED",
			tree: `condition-branches-1 SUCCEEDED pipelinechannel--condition-branches-1-oneof-1="big"
condition-branches-1/condition-4 SUCCEEDED pipelinechannel--say-Output="big"
condition-branches-1/condition-4/condition-2 SUCCEEDED
condition-branches-1/condition-4/condition-2/say-2 SUCCEEDED Output="flagged"
condition-branches-1/condition-4/condition-3 SKIPPED
condition-branches-1/condition-4/say SUCCEEDED Output="big"
condition-branches-1/condition-5 SKIPPED
condition-branches-1/condition-6 SKIPPED
number SUCCEEDED Output=7
root SUCCEEDED Output="big"
say-7 SUCCEEDED Output="big"`,
		},
		"the Else branch is taken": {
			pipeline: "branches", params: map[string]string{"threshold": "100", "ratio": "0"}, state: "SUCCEEDED",
			tree: `condition-branches-1 SUCCEEDED pipelinechannel--condition-branches-1-oneof-1="small"
condition-branches-1/condition-4 SKIPPED
condition-branches-1/condition-5 SKIPPED
condition-branches-1/condition-6 SUCCEEDED pipelinechannel--say-6-Output="small"
condition-branches-1/condition-6/say-6 SUCCEEDED Output="small"
number SUCCEEDED Output=7
root SUCCEEDED Output="small"
say-7 SUCCEEDED Output="small"`,
		},
		"a number that is written as an integer is compared with a float": {
			pipeline: "branches", params: map[string]string{"ratio": "0", "flag": "false"}, state: "SUCCEEDED",
			tree: `condition-branches-1 SUCCEEDED pipelinechannel--condition-branches-1-oneof-1="big"
condition-branches-1/condition-4 SUCCEEDED pipelinechannel--say-Output="big"
condition-branches-1/condition-4/condition-2 SKIPPED
condition-branches-1/condition-4/condition-3 SUCCEEDED
condition-branches-1/condition-4/condition-3/say-3 SUCCEEDED Output="low"
condition-branches-1/condition-4/condition-3/say-4 SUCCEEDED Output="low"
condition-branches-1/condition-4/say SUCCEEDED Output="big"
condition-branches-1/condition-5 SKIPPED
condition-branches-1/condition-6 SKIPPED
number SUCCEEDED Output=7
root SUCCEEDED Output="big"
say-7 SUCCEEDED Output="big"`,
		},
		"nested pipelines get defaults, nulls and artifacts": {
			pipeline: "nested", state: "SUCCEEDED",
			tree: `inner SUCCEEDED Output="4 data"
inner/use SUCCEEDED Output="4 data"
middle SUCCEEDED Output:1
middle/make SUCCEEDED Output="middle" data:1
root SUCCEEDED Output="4 data"
say SUCCEEDED
say-2 SUCCEEDED`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, restart bool) {
				w := newWorld(t, load(t, tt.pipeline), tt.params, echo)
				w.restart = restart
				w.runAll()
				if string(w.run.State) != tt.state {
					t.Errorf("run is %s, want %s: %v", w.run.State, tt.state, w.run.Error)
				}
				if diff := cmp.Diff(tt.tree, w.tree()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLoopsCollectInOrderAndFlattenNestedLoops(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "loops"), map[string]string{"numbers": "[1,2,3,4,5.0]"}, echo)
		w.restart = restart
		w.runAll()
		got := map[string]string{}
		for _, task := range w.tasks {
			if _, ok := task.Inputs.Parameters["pipelinechannel--numbers"]; ok && task.Iteration >= 0 {
				t.Errorf("%s carries the whole list of its loop", task.Path)
			}
			for name, v := range task.Outputs.Parameters {
				got[task.Path+" "+name] = string(v)
			}
			if v := task.Inputs.Parameters["text"]; v != nil {
				got[task.Path+" text"] = string(v)
			}
		}
		want := map[string]string{
			"root/for-loop-1 pipelinechannel--double-Output": "[2,4,6,8,10]",
			"root/total Output":                                               "30",
			"root/for-loop-2/[1]/double-2 Output":                             "4",
			"root/for-loop-2/[1]/say text":                                    `"y"`,
			"root/for-loop-4/[1]/for-loop-6 pipelinechannel--double-3-Output": "[20,40]",
			"root/for-loop-4 pipelinechannel--double-3-Output":                "[20,40,20,40]",
			"root/for-loop-4/[1]/say-2 text":                                  `"outer 2"`,
			"root/best Output":                                                "2",
			"root Output":                                                     "120",
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s = %s, want %s", k, got[k], v)
			}
		}
	})
}

func TestEmptyLoopsSucceedAndCollectEmptyLists(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		collected := ""
		w := newWorld(t, load(t, "loops"), map[string]string{"numbers": "[]", "pairs": "[]"}, func(s engine.Start, in input) (map[string]any, error) {
			if s.Task.Name == "total" {
				collected = in.param("nums")
				return map[string]any{"Output": 0}, nil
			}
			return echo(s, in)
		})
		w.restart = restart
		w.runAll()
		if w.run.State != "SUCCEEDED" || collected != "[]" {
			t.Errorf("run is %s, collected %s: %v", w.run.State, collected, w.run.Error)
		}
	})
}

func TestALoopKeepsItsLimit(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		w := newWorld(t, load(t, "loops"), map[string]string{"numbers": "[1,2,3,4,5,6,7,8,9]", "pairs": "[]"}, echo)
		w.restart = restart
		w.runAll()
		if len(w.started) == 0 || w.peak > 2+2*2+2+2+2 { // for-loop-1 is limited to 2, the others run at once
			t.Errorf("%d attempts were open at once", w.peak)
		}
	})
}

func TestTheContainerOfAStartHasItsInputsResolved(t *testing.T) {
	w := newWorld(t, load(t, "settings"), nil, echo).runAll()
	got := map[string]engine.Start{}
	for _, s := range w.started {
		got[s.Task.Name] = s
	}
	if c := got["work-3"].Container; c.Image != "alpine:3" || c.Resources.CPULimit != "500m" {
		t.Errorf("container of work-3: %+v", c)
	}
	if c := got["work"].Container; c.Env[0].Value != "fixed" || c.Resources.AcceleratorType != "nvidia.com/gpu" {
		t.Errorf("container of work: %+v", c)
	}
	if args := got["work"].Spec.Args; args[0] != "{{$.inputs.parameters['name']}}" {
		t.Errorf("the agent's placeholders must stay: %v", args)
	}
	if want := "settings-work-3-0000000013-1"; got["work-3"].Attempt.PodName != want && !strings.HasPrefix(got["work-3"].Attempt.PodName, "settings-work-3-") {
		t.Errorf("pod name %s", got["work-3"].Attempt.PodName)
	}
}

func TestAStepIsTriedAgainAsItsPolicySaysAndExitTasksRunAfterAFailure(t *testing.T) {
	both(t, func(t *testing.T, restart bool) {
		status := ""
		w := newWorld(t, load(t, "settings"), nil, func(s engine.Start, in input) (map[string]any, error) {
			if s.Task.Name == "report" {
				status = in.param("status")
			}
			if s.Task.Name == "work" {
				return nil, fmt.Errorf("try %d", s.Attempt.Number)
			}
			return echo(s, in)
		})
		w.restart = restart
		w.runAll()
		if n := len(w.attempts); n != 3+4 {
			t.Errorf("%d attempts, want 3 of work and 4 others", n)
		}
		if w.now.Sub(start) < 30_000_000_000 {
			t.Errorf("the pauses of 10 s and 20 s were not kept: %s", w.now.Sub(start))
		}
		if want := `step "exit-handler-1/work" failed: try 3`; w.run.Error == nil || w.run.Error.Message != want {
			t.Errorf("run's error %v, want %q", w.run.Error, want)
		}
		want := `{"error":{"code":2,"message":"task \"work\" failed"},"pipelineJobResourceName":"settings-run-1","pipelineTaskName":"exit-handler-1","state":"FAILED"}`
		if status != want {
			t.Errorf("final status %s", status)
		}
		wantTree := "exit-handler-1 FAILED\nexit-handler-1/work FAILED\nexit-handler-1/work-2 SUCCEEDED\n" +
			"image SUCCEEDED Output=\"alpine:3\"\nreport SUCCEEDED\nroot FAILED\nwork-3 SUCCEEDED"
		if diff := cmp.Diff(wantTree, w.tree()); diff != "" {
			t.Error(diff)
		}
	})
}
