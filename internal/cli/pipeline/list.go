package pipeline

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

func newList(s *term.Streams) *cobra.Command {
	var o connect.Common
	var limit int
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List pipelines", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return list(cmd.Context(), &o, s, limit) },
	}
	o.AddFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most (up to 200)")
	return cmd
}

func list(ctx context.Context, c *connect.Common, s *term.Streams, limit int) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	page, err := cl.ListPipelines(ctx, client.ListOptions{Namespace: c.Namespace, PageSize: limit, SortBy: "created_at desc"})
	if err != nil {
		return err
	}
	if ok, err := s.Print(c.Format, page.Items); ok {
		return err
	}
	if len(page.Items) == 0 {
		_, err := fmt.Fprintln(s.Out, "no pipelines yet; keep one with `slipway pipeline upload FILE`")
		return err
	}
	var rows [][]string
	for _, p := range page.Items {
		rows = append(rows, []string{p.Name, p.PipelineID, p.CreatedAt.Local().Format("2006-01-02 15:04"), p.Description})
	}
	return s.Rows([]string{"name", "id", "created", "description"}, rows)
}
