package token

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

func newRevoke(s *term.Streams) *cobra.Command {
	var o common
	cmd := &cobra.Command{
		Use: "revoke ID|NAME", Short: "End a token at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.revoke(cmd.Context(), s, args[0]) },
	}
	o.flags(cmd)
	return cmd
}

func (c *common) revoke(ctx context.Context, s *term.Streams, arg string) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	tokens, err := cl.ListTokens(ctx, c.user)
	if err != nil {
		return err
	}
	id, err := find(tokens, arg)
	if err != nil {
		return err
	}
	if err := cl.RevokeToken(ctx, id); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "revoked %s\n", term.Plain(arg))
	return err
}

// find takes an id, or a name that only one token has.
func find(tokens []client.Token, arg string) (string, error) {
	var named []string
	for _, t := range tokens {
		if t.ID == arg {
			return t.ID, nil
		}
		if t.Name == arg {
			named = append(named, t.ID)
		}
	}
	switch len(named) {
	case 0:
		return "", fmt.Errorf("no token %q; `slipway token list` shows yours", arg)
	case 1:
		return named[0], nil
	default:
		return "", fmt.Errorf("%d tokens are called %q: name one by its id (`slipway token list`)", len(named), arg)
	}
}
