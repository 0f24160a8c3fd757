// Package run holds the verbs of `slipway run`.
package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// New returns `slipway run`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "run", Short: "Run pipelines and see what became of them", GroupID: "work"}
	cmd.AddCommand(newSubmit(s), newList(s), newGet(s), newWatch(s), newLogs(s), newTerminate(s))
	return cmd
}

// find returns the run that arg names: an id, the beginning of one, or a name.
func find(ctx context.Context, c *client.Client, namespace, arg string) (client.Run, error) {
	if len(arg) == len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
		return c.Run(ctx, arg)
	}
	page, err := c.ListRuns(ctx, client.ListOptions{Namespace: namespace, PageSize: 200, SortBy: "created_at desc"})
	if err != nil {
		return client.Run{}, err
	}
	var found []client.Run
	for _, r := range page.Items {
		if r.DisplayName == arg {
			return r, nil // names repeat; the latest is meant
		}
		if strings.HasPrefix(r.RunID, arg) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return client.Run{}, fmt.Errorf("no run %q among the latest %d; `slipway run list` shows them", arg, len(page.Items))
	case 1:
		return found[0], nil
	default:
		return client.Run{}, fmt.Errorf("%q is the beginning of %d runs' ids; give more of it", arg, len(found))
	}
}

// final says whether a run's state will not change again.
func final(state string) bool {
	switch state {
	case "SUCCEEDED", "FAILED", "SKIPPED", "CANCELED":
		return true
	default:
		return false
	}
}

// took is a duration as people read it: 0.8s, 12s, 3m04s, 2h05m.
func took(from, to time.Time) string {
	if from.IsZero() {
		return ""
	}
	d := to.Sub(from)
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}
