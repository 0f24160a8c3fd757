package pipeline

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// detail is what `pipeline get -o json` prints.
type detail struct {
	client.Pipeline
	Versions []client.PipelineVersion `json:"versions"`
}

func newGet(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "get PIPELINE", Short: "Show a pipeline and its versions", Args: cobra.ExactArgs(1),
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
	var d detail
	if d.Pipeline, err = find(ctx, cl, c.Namespace, arg); err != nil {
		return err
	}
	page, err := cl.ListVersions(ctx, d.PipelineID, client.ListOptions{PageSize: 200, SortBy: "created_at desc"})
	if err != nil {
		return err
	}
	d.Versions = page.Items
	if ok, err := s.Print(c.Format, d); ok {
		return err
	}
	if _, err := fmt.Fprintf(s.Out, "%s  %s\nid %s\n\n", s.Paint(term.Bold, term.Plain(d.Name)), term.Plain(d.Description), d.PipelineID); err != nil {
		return err
	}
	var rows [][]string
	for _, v := range d.Versions {
		rows = append(rows, []string{v.Name, v.PipelineVersionID, v.CreatedAt.Local().Format("2006-01-02 15:04")})
	}
	return s.Rows([]string{"version", "id", "created"}, rows)
}
