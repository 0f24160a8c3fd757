package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// detail is what `run get -o json` prints.
type detail struct {
	client.Run
	Tasks     []client.Task     `json:"tasks"`
	Artifacts []client.Artifact `json:"artifacts"`
}

func newGet(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "get RUN", Short: "Show a run: its steps, results and artifacts", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return get(cmd.Context(), &o, s, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

func get(ctx context.Context, c *connect.Common, s *term.Streams, arg string) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	r, err := find(ctx, cl, c.Namespace, arg)
	if err != nil {
		return err
	}
	var d detail
	if d.Run, d.Tasks, err = snapshot(ctx, cl, r.RunID); err != nil {
		return err
	}
	if d.Artifacts, err = cl.Artifacts(ctx, r.RunID); err != nil {
		return err
	}
	if ok, err := s.Print(c.Format, d); ok {
		return err
	}
	return d.draw(s)
}

func (d detail) draw(s *term.Streams) error {
	now := time.Now()
	lines := append([]string{heading(s, d.Run, now), "id " + d.RunID}, drawTree(s, d.Tasks, now)...)
	if d.Error != nil && d.Error.Message != "" {
		lines = append(lines, "", s.Paint(term.Red, term.Plain(d.Error.Message)))
	}
	for _, t := range d.Tasks {
		if t.ParentTaskID == "" && t.Outputs != nil && len(t.Outputs.Parameters) > 0 {
			lines = append(lines, "", s.Paint(term.Bold, "results"))
			for _, p := range t.Outputs.Parameters {
				lines = append(lines, fmt.Sprintf("  %s = %s", p.ParameterKey, term.Plain(string(p.Value))))
			}
		}
	}
	if len(d.Artifacts) > 0 {
		lines = append(lines, "", s.Paint(term.Bold, "artifacts"))
	}
	for _, a := range d.Artifacts {
		// An address does not fit beside anything: it has a line of its own.
		lines = append(lines,
			fmt.Sprintf("  %-12s %-22s %s", term.Plain(a.Name), a.Type, term.Plain(metadata(a.Metadata))),
			"    "+s.Paint(term.Grey, term.Plain(a.URI)))
	}
	_, err := fmt.Fprintln(s.Out, strings.Join(lines, "\n"))
	return err
}

// metadata shows the scalars of an artifact's metadata.
func metadata(m map[string]any) string {
	var parts []string
	for k, v := range m {
		switch v.(type) {
		case string, float64, bool:
			parts = append(parts, fmt.Sprintf("%s=%v", k, v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
