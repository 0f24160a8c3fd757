package data

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newRemove(s *term.Streams) *cobra.Command {
	var o common
	cmd := &cobra.Command{
		Use: "rm OBJECT...", Short: "Delete objects", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := o.Client()
			if err != nil {
				return err
			}
			for _, arg := range args {
				obj, remote, err := parse(arg)
				if err != nil {
					return err
				}
				if !remote {
					return fmt.Errorf("%s: an object is written s3:KEY or s3://BUCKET/KEY", arg)
				}
				if err := cl.DeleteData(cmd.Context(), obj.namespace(o.Namespace), obj.key); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(s.Out, "deleted s3:%s\n", obj.key); err != nil {
					return err
				}
			}
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}
