package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

const benchHead = `
pipelineInfo: {name: bench}
schemaVersion: 2.1.0
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER}}}
    outputDefinitions: {parameters: {y: {parameterType: NUMBER_INTEGER}}}
  comp-loop:
    inputDefinitions: {parameters: {item: {parameterType: NUMBER_INTEGER}}}
    outputDefinitions: {parameters: {ys: {parameterType: LIST}}}
    dag:
      tasks:
        step:
          componentRef: {name: comp-step}
          inputs: {parameters: {x: {componentInputParameter: item}}}
      outputs: {parameters: {ys: {valueFromParameter: {producerSubtask: step, outputParameterKey: y}}}}
deploymentSpec:
  executors:
    exec-step: {container: {image: busybox, command: [echo], args: ["{{$.inputs.parameters['x']}}"]}}
root:
  dag:
    tasks:
`

// shapes are pipelines of n steps.
var shapes = map[string]func(n int) string{
	"wide": func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "      t%d: {componentRef: {name: comp-step}, inputs: {parameters: {x: {runtimeValue: {constant: %d}}}}}\n", i, i)
		}
		return out.String()
	},
	"chain": func(n int) string {
		var out strings.Builder
		out.WriteString("      t0: {componentRef: {name: comp-step}, inputs: {parameters: {x: {runtimeValue: {constant: 0}}}}}\n")
		for i := 1; i < n; i++ {
			fmt.Fprintf(&out, "      t%d: {componentRef: {name: comp-step}, inputs: {parameters: {x: {taskOutputParameter: {producerTask: t%d, outputParameterKey: y}}}}}\n", i, i-1)
		}
		return out.String()
	},
	"loop": func(n int) string {
		items := strings.TrimSuffix(strings.Repeat("1,", n), ",")
		return fmt.Sprintf("      loop: {componentRef: {name: comp-loop}, parameterIterator: {itemInput: item, items: {raw: '[%s]'}}}\n", items)
	},
	"limited loop": func(n int) string {
		items := strings.TrimSuffix(strings.Repeat("1,", n), ",")
		return fmt.Sprintf("      loop: {componentRef: {name: comp-loop}, iteratorPolicy: {parallelismLimit: 10}, parameterIterator: {itemInput: item, items: {raw: '[%s]'}}}\n", items)
	},
}

func shape(t testing.TB, name string, n int) *plan.Plan {
	t.Helper()
	spec, err := ir.Parse([]byte(benchHead + shapes[name](n)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// play runs a pipeline of steps that all succeed at once and returns how many ran.
func play(t testing.TB, p *plan.Plan) (steps int) {
	t.Helper()
	run := pipelines.Run{ID: "run-1", State: pipelines.Pending}
	m, err := engine.New(p, engine.Snapshot{Run: run}, engine.Env{NewID: uuid.NewString, DefaultRoot: "s3://b/r", Bucket: "b"})
	if err != nil {
		t.Fatal(err)
	}
	outcome := &attempt.Outcome{Succeeded: true, Parameters: map[string]pipelines.Value{"y": pipelines.Value("1")}}
	var queue []engine.Start
	m.Advance(start)
	for {
		_, starts, _, done := m.Take()
		if done {
			if m.Run().State != pipelines.Succeeded {
				t.Fatalf("run is %s: %v", m.Run().State, m.Run().Error)
			}
			return steps
		}
		queue = append(queue, starts...)
		s := queue[0]
		queue = queue[1:]
		steps++
		m.Advance(start, engine.AttemptFinished{TaskID: s.Task.ID, Number: s.Attempt.Number, Outcome: outcome, At: start})
	}
}

func BenchmarkMachine(b *testing.B) {
	for _, name := range []string{"wide", "chain", "loop", "limited loop"} {
		b.Run(strings.ReplaceAll(name, " ", "-")+"-10000", func(b *testing.B) {
			p := shape(b, name, 10_000)
			b.ReportAllocs()
			steps := 0
			for b.Loop() {
				steps += play(b, p)
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

// TestTheCostOfARunGrowsWithItsSize fails where a step's cost depends on how many
// others there are.
func TestTheCostOfARunGrowsWithItsSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name := range shapes {
		t.Run(name, func(t *testing.T) {
			t0 := time.Now()
			play(t, shape(t, name, 1_000))
			small := time.Since(t0)
			t0 = time.Now()
			play(t, shape(t, name, 20_000))
			if large := time.Since(t0); large > 120*small { // 20 times the steps; quadratic would be 400
				t.Errorf("1,000 steps took %s and 20,000 steps %s", small, large)
			}
		})
	}
}
