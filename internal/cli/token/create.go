package token

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

func newCreate(s *term.Streams) *cobra.Command {
	var o common
	var scope, expires string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token; it is shown once", Args: cobra.ExactArgs(1),
		Example: `  slipway token create ci --expires 90d > ci.token
  slipway token create dashboards --scope read`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.create(cmd.Context(), s, args[0], scope, expires)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&scope, "scope", "all", "all, or read: get and list alone")
	cmd.Flags().StringVar(&expires, "expires", "90d", "how long it works: 12h, 30d, never")
	return cmd
}

// create prints the bare token to standard output, so that it can go to a file.
func (c *common) create(ctx context.Context, s *term.Streams, name, scope, expires string) error {
	in := client.Token{Name: name, User: c.user, Scope: scope}
	if expires != "never" {
		d, err := lifetime(expires)
		if err != nil {
			return err
		}
		end := time.Now().Add(d).UTC().Truncate(time.Second)
		in.ExpiresAt = &end
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	t, err := cl.CreateToken(ctx, in)
	if err != nil {
		return err
	}
	if ok, err := s.Print(c.format, t); ok {
		return err
	}
	if _, err := fmt.Fprintln(s.Out, t.Token); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "token %q of %s, id %s, works until %s; it is not shown again\n",
		term.Plain(t.Name), term.Plain(t.User), t.ID, day(t.ExpiresAt, "it is revoked"))
	return err
}
