package run

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

type list struct {
	connect.Common
	limit    int
	archived bool
}

func newList(s *term.Streams) *cobra.Command {
	var o list
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List runs, the latest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), s) },
	}
	o.AddFlags(cmd)
	cmd.Flags().IntVar(&o.limit, "limit", 20, "how many at most (up to 200)")
	cmd.Flags().BoolVar(&o.archived, "archived", false, "the archived ones instead")
	return cmd
}

func (o *list) run(ctx context.Context, s *term.Streams) error {
	c, err := o.Client()
	if err != nil {
		return err
	}
	state := "AVAILABLE"
	if o.archived {
		state = "ARCHIVED"
	}
	page, err := c.ListRuns(ctx, client.ListOptions{
		Namespace: o.Namespace, PageSize: o.limit, SortBy: "created_at desc",
		Filter: fmt.Sprintf(`{"predicates":[{"operation":"EQUALS","key":"storage_state","string_value":%q}]}`, state),
	})
	if err != nil {
		return err
	}
	if ok, err := s.Print(o.Format, page.Items); ok {
		return err
	}
	if len(page.Items) == 0 {
		_, err := fmt.Fprintln(s.Out, "no runs yet; start one with `slipway run submit FILE`")
		return err
	}
	now := time.Now()
	var rows [][]string
	for _, r := range page.Items {
		end := r.FinishedAt
		if end.IsZero() {
			end = now
		}
		rows = append(rows, []string{r.RunID[:min(8, len(r.RunID))], r.DisplayName, r.State, took(r.CreatedAt, end), r.CreatedAt.Local().Format("2006-01-02 15:04")})
	}
	if err := s.Rows([]string{"id", "name", "state", "took", "created"}, rows); err != nil {
		return err
	}
	if more := page.TotalSize - len(page.Items); more > 0 {
		_, err = fmt.Fprintf(s.Out, "and %d more (--limit)\n", more)
	}
	return err
}
