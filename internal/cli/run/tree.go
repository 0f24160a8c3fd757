package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// sign gives a state its sign and colour; the sign alone must suffice.
func sign(state string) (string, term.Colour) {
	switch state {
	case "SUCCEEDED":
		return "✓", term.Green
	case "CACHED":
		return "≡", term.Green
	case "FAILED":
		return "✗", term.Red
	case "RUNNING":
		return "●", term.Blue
	case "CANCELING", "CANCELED":
		return "■", term.Yellow
	case "SKIPPED":
		return "–", term.Grey
	default:
		return "○", term.Grey
	}
}

// tree draws the tasks of a run below their parents, one line each. Loops with
// many iterations show those that run or failed, and a count of the others.
type tree struct {
	s        *term.Streams
	now      time.Time
	children map[string][]client.Task
	lines    []string
}

// foldAbove is the number of iterations from which a loop is folded.
const foldAbove = 12

func drawTree(s *term.Streams, tasks []client.Task, now time.Time) []string {
	t := tree{s: s, now: now, children: map[string][]client.Task{}}
	var root string
	for _, task := range tasks {
		if task.ParentTaskID == "" {
			root = task.TaskID
			continue
		}
		t.children[task.ParentTaskID] = append(t.children[task.ParentTaskID], task)
	}
	t.below(root, "")
	return t.lines
}

func (t *tree) below(parent, indent string) {
	shown, hidden := fold(t.children[parent])
	for i, task := range shown {
		branch, next := "├─ ", "│  "
		if i == len(shown)-1 && hidden == "" {
			branch, next = "└─ ", "   "
		}
		t.lines = append(t.lines, indent+branch+t.line(task))
		t.below(task.TaskID, indent+next)
	}
	if hidden != "" {
		t.lines = append(t.lines, indent+"└─ "+t.s.Paint(term.Grey, hidden))
	}
}

func (t *tree) line(task client.Task) string {
	mark, colour := sign(task.State)
	name := task.DisplayName
	if name == "" {
		name = task.Name
	}
	if i, ok := task.Iteration(); ok {
		name = fmt.Sprintf("[%d]", i)
	}
	end := task.EndTime
	if end.IsZero() {
		end = t.now
	}
	text := fmt.Sprintf("%s %s", t.s.Paint(colour, mark), term.Plain(name))
	if done, of := t.progress(task); of > 1 {
		text += fmt.Sprintf("  %d/%d", done, of)
	}
	if d := took(task.StartTime, end); d != "" && task.State != "SKIPPED" {
		text += "  " + t.s.Paint(term.Grey, d)
	}
	switch {
	case task.State == "FAILED" && task.Error != nil && len(t.children[task.TaskID]) == 0:
		text += "  " + t.s.Paint(term.Red, term.Plain(task.Error.Message))
	case task.Why() != "":
		text += "  " + t.s.Paint(term.Yellow, term.Plain(task.Why()))
	}
	return text
}

// progress counts a loop's iterations that ended.
func (t *tree) progress(task client.Task) (done, of int) {
	if task.TypeAttributes == nil || task.TypeAttributes.IterationCount == nil {
		return 0, 0
	}
	for _, c := range t.children[task.TaskID] {
		if !c.EndTime.IsZero() {
			done++
		}
	}
	return done, *task.TypeAttributes.IterationCount
}

// fold leaves of many iterations those worth a look.
func fold(tasks []client.Task) (shown []client.Task, hidden string) {
	if len(tasks) <= foldAbove || !slices.ContainsFunc(tasks, func(t client.Task) bool { _, ok := t.Iteration(); return ok }) {
		return tasks, ""
	}
	counts := map[string]int{}
	for _, t := range tasks {
		if (t.State == "RUNNING" || t.State == "FAILED") && len(shown) < foldAbove {
			shown = append(shown, t)
			continue
		}
		counts[t.State]++
	}
	var parts []string
	for state, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(state)))
	}
	slices.Sort(parts)
	return shown, "and " + strings.Join(parts, ", ")
}
