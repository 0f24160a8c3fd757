package token

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newList(s *term.Streams) *cobra.Command {
	var o common
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List your tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.list(cmd.Context(), s) },
	}
	o.flags(cmd)
	return cmd
}

func (c *common) list(ctx context.Context, s *term.Streams) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	tokens, err := cl.ListTokens(ctx, c.user)
	if err != nil {
		return err
	}
	if ok, err := s.Print(c.format, tokens); ok {
		return err
	}
	if len(tokens) == 0 {
		_, err := fmt.Fprintln(s.Out, "no tokens; make one with `slipway token create NAME`")
		return err
	}
	var rows [][]string
	for _, t := range tokens {
		rows = append(rows, []string{t.ID, t.Name, t.Scope, day(&t.CreatedAt, ""), day(t.ExpiresAt, "never"), day(t.LastUsedAt, "never")})
	}
	return s.Rows([]string{"id", "name", "scope", "created", "expires", "last used"}, rows)
}
