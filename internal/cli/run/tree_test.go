package run

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func iteration(i int) *client.TypeAttributes { return &client.TypeAttributes{IterationIndex: &i} }

func loop(id string, n int) client.Task {
	return client.Task{TaskID: id, ParentTaskID: "root", Name: id, Type: "LOOP", State: "RUNNING", StartTime: noon.Add(-time.Minute), TypeAttributes: &client.TypeAttributes{IterationCount: &n}}
}

func TestTreeShowsStepsBelowTheirParents(t *testing.T) {
	tasks := []client.Task{
		{TaskID: "root", Name: "root", Type: "ROOT", State: "RUNNING"},
		{TaskID: "a", ParentTaskID: "root", Name: "load", Type: "RUNTIME", State: "SUCCEEDED", StartTime: noon.Add(-3 * time.Second), EndTime: noon.Add(-time.Second)},
		loop("l", 2),
		{TaskID: "l0", ParentTaskID: "l", Name: "l", State: "FAILED", TypeAttributes: iteration(0), EndTime: noon},
		{TaskID: "x", ParentTaskID: "l0", Name: "train", DisplayName: "train\x1b[31m it", State: "FAILED", Error: &client.Status{Message: "exit code 3"}, StartTime: noon.Add(-time.Second), EndTime: noon},
		{TaskID: "l1", ParentTaskID: "l", Name: "l", State: "RUNNING", TypeAttributes: iteration(1)},
	}
	got := drawTree(&term.Streams{Out: io.Discard}, tasks, noon)
	want := []string{
		"├─ ✓ load  2.0s",
		"└─ ● l  1/2  1m00s",
		"   ├─ ✗ [0]",
		"   │  └─ ✗ train [31m it  1.0s  exit code 3",
		"   └─ ● [1]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLongLoopsAreFolded(t *testing.T) {
	tasks := []client.Task{{TaskID: "root", Name: "root"}, loop("l", 100)}
	for i := range 100 {
		state := "SUCCEEDED"
		if i == 42 {
			state = "FAILED"
		}
		tasks = append(tasks, client.Task{TaskID: fmt.Sprint("i", i), ParentTaskID: "l", State: state, TypeAttributes: iteration(i), EndTime: noon})
	}
	got := strings.Join(drawTree(&term.Streams{Out: io.Discard}, tasks, noon), "\n")
	if want := "└─ ● l  100/100  1m00s\n   ├─ ✗ [42]\n   └─ and 99 succeeded"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestCutKeepsEscapes(t *testing.T) {
	if got := cut("\x1b[31mabcdef\x1b[0m", 3); got != "\x1b[31mabc" {
		t.Errorf("%q", got)
	}
	if got := cut("ab", 3); got != "ab" {
		t.Errorf("%q", got)
	}
}

func TestTookIsReadable(t *testing.T) {
	for d, want := range map[time.Duration]string{
		800 * time.Millisecond: "0.8s", 12 * time.Second: "12s", 184 * time.Second: "3m04s", 2*time.Hour + 5*time.Minute: "2h05m", -time.Second: "0s",
	} {
		if got := took(noon, noon.Add(d)); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
