package run

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

const (
	pollEvery = 300 * time.Millisecond
	// patience is how long a server may be away (a restart, an upgrade) while a
	// run is watched; the run itself is not touched by that.
	patience = 2 * time.Minute
	tailSize = 25
)

// ErrRunFailed is returned, with what is to be said already said, when the run
// that was watched did not succeed: exit code 1.
var ErrRunFailed = errors.New("the run did not succeed")

func newWatch(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "watch RUN", Short: "Follow a run to its end", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.Client()
			if err != nil {
				return err
			}
			r, err := find(cmd.Context(), c, o.Namespace, args[0])
			if err != nil {
				return err
			}
			return watch(cmd.Context(), s, c, r.RunID)
		},
	}
	o.AddFlags(cmd)
	return cmd
}

// watch follows a run. On a terminal the tree is redrawn in place; elsewhere each
// change of a task's state is a line.
func watch(ctx context.Context, s *term.Streams, c *client.Client, id string) error {
	w := watcher{s: s, seen: map[string]string{}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	away := time.Time{}
	for {
		r, tasks, err := snapshot(ctx, c, id)
		switch {
		case err == nil:
			away = time.Time{}
			w.show(r, tasks)
			if final(r.State) {
				return w.end(ctx, c, r, tasks)
			}
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			var refused *client.Error
			if errors.As(err, &refused) && refused.HTTPStatus < 500 {
				return err
			}
			if away.IsZero() {
				away = time.Now()
				_, _ = fmt.Fprintf(s.Err, "%v; trying again for %s (the run goes on)\n", err, patience)
			}
			if time.Since(away) > patience {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func snapshot(ctx context.Context, c *client.Client, id string) (client.Run, []client.Task, error) {
	r, err := c.Run(ctx, id)
	if err != nil {
		return r, nil, err
	}
	tasks, err := c.Tasks(ctx, id)
	return r, tasks, err
}

type watcher struct {
	s     *term.Streams
	drawn int               // lines on the screen
	seen  map[string]string // task id -> what was last said of it
}

func (w *watcher) show(r client.Run, tasks []client.Task) {
	now := time.Now()
	if w.s.OutTTY {
		w.redraw(append([]string{heading(w.s, r, now)}, drawTree(w.s, tasks, now)...))
		return
	}
	for _, t := range tasks {
		said := t.State + "|" + t.Why()
		if t.ParentTaskID == "" || w.seen[t.TaskID] == said || t.State == "PENDING" && t.Why() == "" {
			continue
		}
		w.seen[t.TaskID] = said
		line := fmt.Sprintf("%s  %-9s  %s", now.Format("15:04:05"), t.State, term.Plain(t.Path()))
		if t.Why() != "" {
			line += "  " + term.Plain(t.Why())
		}
		if !t.EndTime.IsZero() && !t.StartTime.IsZero() {
			line += "  " + took(t.StartTime, t.EndTime)
		}
		_, _ = fmt.Fprintln(w.s.Out, line)
	}
}

func heading(s *term.Streams, r client.Run, now time.Time) string {
	mark, colour := sign(r.State)
	end := r.FinishedAt
	if end.IsZero() {
		end = now
	}
	return fmt.Sprintf("%s %s  %s  %s", s.Paint(colour, mark), s.Paint(term.Bold, term.Plain(r.DisplayName)), r.State, took(r.CreatedAt, end))
}

// redraw replaces the lines drawn before. Lines are cut at the screen's width, so
// that none wraps and the count holds.
func (w *watcher) redraw(lines []string) {
	var b strings.Builder
	if w.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", w.drawn)
	}
	width := w.s.Width()
	for _, l := range lines {
		b.WriteString("\x1b[2K" + cut(l, width-1) + "\x1b[0m\n")
	}
	if len(lines) < w.drawn {
		b.WriteString("\x1b[J")
	}
	w.drawn = len(lines)
	_, _ = fmt.Fprint(w.s.Out, b.String())
}

// cut shortens a line to width visible columns, leaving escape sequences whole.
func cut(line string, width int) string {
	visible, inEscape := 0, false
	for i, r := range line {
		switch {
		case inEscape:
			inEscape = r != 'm'
		case r == '\x1b':
			inEscape = true
		default:
			if visible++; visible > width {
				return line[:i]
			}
		}
	}
	return line
}

// end says how it ended, with the log's tail of the step that failed.
func (w *watcher) end(ctx context.Context, c *client.Client, r client.Run, tasks []client.Task) error {
	if !w.s.OutTTY {
		_, _ = fmt.Fprintln(w.s.Out, heading(w.s, r, time.Now()))
	}
	if r.State == "SUCCEEDED" {
		return nil
	}
	if r.Error != nil && r.Error.Message != "" {
		_, _ = fmt.Fprintf(w.s.Out, "\n%s\n", r.Error.Message)
	}
	for _, t := range tasks {
		if t.State != "FAILED" || t.Type != "RUNTIME" {
			continue
		}
		_, _ = fmt.Fprintf(w.s.Out, "\nend of the log of %s:\n", t.Path())
		if err := tail(ctx, w.s, c, r.RunID, t.TaskID); err != nil {
			_, _ = fmt.Fprintf(w.s.Out, "  (%v)\n", err)
		}
		_, _ = fmt.Fprintf(w.s.Out, "all of it: slipway run logs %s %s\n", r.RunID, t.Path())
		break
	}
	return ErrRunFailed
}

func tail(ctx context.Context, s *term.Streams, c *client.Client, runID, taskID string) error {
	body, err := c.Logs(ctx, runID, taskID, false)
	if err != nil {
		return err
	}
	defer body.Close()
	var last []string
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		if last = append(last, lines.Text()); len(last) > tailSize {
			last = last[1:]
		}
	}
	for _, l := range last {
		if _, err := fmt.Fprintf(s.Out, "  %s\n", term.Plain(l)); err != nil {
			return err
		}
	}
	return lines.Err()
}
