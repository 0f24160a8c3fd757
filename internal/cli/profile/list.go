package profile

import (
	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

func newList(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the profiles that you may see", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.Client()
			if err != nil {
				return err
			}
			profiles, err := c.ListProfiles(cmd.Context())
			if err != nil {
				return err
			}
			if ok, err := s.Print(o.Format, profiles); ok {
				return err
			}
			return draw(s, profiles)
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func newGet(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "get NAME", Short: "Show a profile", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.Client()
			if err != nil {
				return err
			}
			p, err := c.Profile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if ok, err := s.Print(o.Format, p); ok {
				return err
			}
			return draw(s, []client.Profile{p})
		},
	}
	o.AddFlags(cmd)
	return cmd
}
