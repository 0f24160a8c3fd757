package plan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compiles each testdata/*.yaml, made by the kfp SDK from the .py beside
// it, and compares the plan with the .golden beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pipelines in testdata: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := compiled(t, data)
			if *update {
				if err := os.WriteFile(name+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the plan changed (run with -update if that is meant):\n%s", diff)
			}
		})
	}
}

func compiled(t *testing.T, data []byte) string {
	t.Helper()
	spec, err := ir.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "pipeline %s root=%q\n", p.Pipeline, p.DefaultRoot)
	draw(&out, p.Root, 1)
	return out.String()
}

// draw writes a component and what is in it as an indented outline.
func draw(out *strings.Builder, c *plan.Component, depth int) {
	line := func(format string, args ...any) {
		fmt.Fprintf(out, "%s%s\n", strings.Repeat("  ", depth), strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
	for _, p := range c.Inputs.Parameters {
		line("in %s %s default=%s optional=%t", p.Name, p.Type, p.Default, p.Optional)
	}
	for _, a := range c.Inputs.Artifacts {
		line("in %s artifact list=%t optional=%t", a.Name, a.List, a.Optional)
	}
	for _, p := range c.Outputs.Parameters {
		line("out %s %s", p.Name, p.Type)
	}
	for _, a := range c.Outputs.Artifacts {
		line("out %s %s list=%t", a.Name, a.Type.SchemaTitle, a.Type.List)
	}
	if k := c.Container; k != nil {
		line("image %s policy=%q env=%v resources=%+v", k.Image, k.ImagePullPolicy, k.Env, k.Resources)
		return
	}
	for _, t := range c.DAG.Tasks {
		line("%d %s %s %q after %v", t.Index, t.Type, t.Name, t.DisplayName, t.DependsOn)
		drawTask(func(format string, args ...any) { line("    "+format, args...) }, t)
		draw(out, t.Component, depth+2)
	}
	for _, o := range c.DAG.Outputs {
		line("gives %s from %v oneof=%t collected=%t", o.Name, o.From, o.OneOf, o.Collected)
	}
}

func drawTask(line func(format string, args ...any), t *plan.Task) {
	if t.Condition != nil {
		line("if %s", t.Condition.Text)
	}
	if t.AlwaysRun {
		line("however its upstream ended")
	}
	if l := t.Loop; l != nil {
		line("for %s in %s%s limit=%d artifacts=%t", l.ItemInput, l.Items, l.ItemsFrom, l.Limit, l.Artifacts)
	}
	if r := t.Retry; r != nil {
		line("retry %+v", *r)
	}
	for _, s := range t.Parameters {
		switch s.Kind {
		case plan.FromConstant:
			line("%s = %s template=%t", s.Name, s.Constant, s.Template)
		case plan.FromInput:
			selector := ""
			if s.Selector != nil {
				selector = s.Selector.Text
			}
			line("%s <- input %s %s", s.Name, s.Input, selector)
		case plan.FromTask:
			line("%s <- task %d %s", s.Name, s.Task, s.Output)
		case plan.FromStatus:
			line("%s <- status of task %d", s.Name, s.Task)
		}
	}
	for _, s := range t.Artifacts {
		if s.Kind == plan.FromInput {
			line("%s <- input artifact %s", s.Name, s.Input)
		} else {
			line("%s <- artifact of task %d %s", s.Name, s.Task, s.Output)
		}
	}
}
