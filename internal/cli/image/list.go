package image

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newList(s *term.Streams) *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List images: what was pulled, and what was built here", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.list(cmd.Context(), s) },
	}
	c.flags(cmd)
	cmd.Flags().VarP(&c.format, "output", "o", "output format")
	return cmd
}

func (c *common) list(ctx context.Context, s *term.Streams) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	all, err := store.List(ctx)
	if err != nil {
		return explain(err, "")
	}
	if ok, err := s.Print(c.format, all); ok {
		return err
	}
	var rows [][]string
	for _, i := range all {
		when := ""
		if !i.Time.IsZero() {
			when = i.Time.Local().Format("2006-01-02 15:04")
		}
		from := i.Source
		if i.StandInFor != "" {
			from = "stand-in: " + i.Title + "; " + from
		}
		rows = append(rows, []string{i.Image, size(i.Bytes), string(i.Origin), when, clip(from, s.Width()/2)})
	}
	return s.Rows([]string{"image", "size", "origin", "when", "from"}, rows)
}

func clip(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width || width < 10 {
		return text
	}
	return string(runes[:width-1]) + "…"
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	}
	return fmt.Sprintf("%d MiB", (n+1<<19)>>20)
}
