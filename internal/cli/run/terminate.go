package run

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newTerminate(s *term.Streams) *cobra.Command {
	var o connect.Common
	cmd := &cobra.Command{
		Use: "terminate RUN", Short: "Stop a run and its pods", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.Client()
			if err != nil {
				return err
			}
			r, err := find(cmd.Context(), c, o.Namespace, args[0])
			if err != nil {
				return err
			}
			if err := c.TerminateRun(cmd.Context(), r.RunID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.Out, "run %s is being stopped\n", r.RunID)
			return err
		},
	}
	o.AddFlags(cmd)
	return cmd
}
