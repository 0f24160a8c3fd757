package instance

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/local"
)

func newDown(s *term.Streams) *cobra.Command {
	var t target
	var purge bool
	cmd := &cobra.Command{
		Use: "down", Short: "Stop everything on this machine", Args: cobra.NoArgs,
		Long: `Stop the instance. Nothing of it stays on the host but its data folder: the next
up finds everything as it was. With --purge the data go, too.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := t.config()
			if err != nil {
				return err
			}
			began := time.Now()
			if err := local.Down(cmd.Context(), cfg.Local); err != nil {
				return err
			}
			what := "its data are in " + cfg.Local.DataDir
			if purge {
				if err := local.Purge(cfg.Local); err != nil {
					return err
				}
				what = "its data are gone"
			}
			_, err = fmt.Fprintf(s.Out, "%s is down after %.1f s; %s\n", cfg.Local.Name, time.Since(began).Seconds(), what)
			return err
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the data folder, too")
	return cmd
}
