package run

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

type logs struct {
	connect.Common
	follow bool
}

func newLogs(s *term.Streams) *cobra.Command {
	var o logs
	cmd := &cobra.Command{
		Use:   "logs RUN [STEP]",
		Short: "Print the log of a step, or of every step of a run",
		Long: `Prints the log of a step while it runs and after its pod is gone. STEP is a
name as the tree shows it, or a path such as for-loop-1/[0]/train.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), s, args) },
	}
	o.AddFlags(cmd)
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "keep printing while the step runs")
	return cmd
}

func (o *logs) run(ctx context.Context, s *term.Streams, args []string) error {
	c, err := o.Client()
	if err != nil {
		return err
	}
	r, err := find(ctx, c, o.Namespace, args[0])
	if err != nil {
		return err
	}
	tasks, err := c.Tasks(ctx, r.RunID)
	if err != nil {
		return err
	}
	steps := steps(tasks)
	if len(args) == 2 {
		t, err := step(steps, args[1])
		if err != nil {
			return err
		}
		return copyLog(ctx, s.Out, c, r.RunID, t.TaskID, o.follow)
	}
	for _, t := range steps {
		if _, err := fmt.Fprintf(s.Out, "%s\n", s.Paint(term.Bold, "==> "+t.Path())); err != nil {
			return err
		}
		if err := copyLog(ctx, s.Out, c, r.RunID, t.TaskID, false); err != nil && !client.NotFound(err) {
			return err
		}
	}
	return nil
}

// steps are the tasks that had a pod.
func steps(tasks []client.Task) []client.Task {
	var out []client.Task
	for _, t := range tasks {
		if t.Type == "RUNTIME" && len(t.Pods) > 0 {
			out = append(out, t)
		}
	}
	return out
}

func step(steps []client.Task, arg string) (client.Task, error) {
	var found []client.Task
	var names []string
	for _, t := range steps {
		path := t.Path()
		if path == arg || t.TaskID == arg {
			return t, nil
		}
		if t.Name == arg || t.DisplayName == arg {
			found = append(found, t)
		}
		names = append(names, path)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return client.Task{}, fmt.Errorf("%d steps are called %q; name one by its path: %s", len(found), arg, strings.Join(names, ", "))
	case len(names) == 0:
		return client.Task{}, fmt.Errorf("no step of this run has started yet")
	default:
		return client.Task{}, fmt.Errorf("no step %q has started; those that have: %s", arg, strings.Join(names, ", "))
	}
}

func copyLog(ctx context.Context, w io.Writer, c *client.Client, runID, taskID string, follow bool) error {
	body, err := c.Logs(ctx, runID, taskID, follow)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}
