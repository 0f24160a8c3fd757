package data

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

func newList(s *term.Streams) *cobra.Command {
	var o common
	var recursive bool
	cmd := &cobra.Command{
		Use: "ls [PREFIX]", Short: "List objects", Args: cobra.MaximumNArgs(1),
		Example: "  slipway data ls\n  slipway data ls s3://admin/v2/artifacts/ -r",
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix := ""
			if len(args) == 1 {
				prefix = args[0]
			}
			return o.list(cmd.Context(), s, prefix, recursive)
		},
	}
	o.flags(cmd)
	cmd.Flags().VarP(&o.format, "output", "o", "json, yaml or table")
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "also what lies in folders")
	return cmd
}

func (c *common) list(ctx context.Context, s *term.Streams, arg string, recursive bool) error {
	o, remote, err := parse(arg)
	if err != nil {
		return err
	}
	if !remote {
		o.key = arg
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	found, err := cl.ListData(ctx, o.namespace(c.Namespace), o.key, recursive)
	if err != nil {
		return err
	}
	if ok, err := s.Print(c.format, found); ok {
		return err
	}
	var rows [][]string
	for _, e := range found.Entries {
		modified, bytes := "", ""
		if !e.Modified.IsZero() {
			modified, bytes = e.Modified.Local().Format("2006-01-02 15:04"), size(e.Size)
		}
		rows = append(rows, []string{bytes, modified, "s3://" + found.Bucket + "/" + e.Key})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintf(s.Out, "nothing in s3://%s/%s\n", found.Bucket, term.Plain(o.key))
		return err
	}
	if err := s.Rows([]string{"size", "modified", "object"}, rows); err != nil {
		return err
	}
	if found.Truncated {
		_, err = fmt.Fprintln(s.Out, "and more; name a longer prefix")
	}
	return err
}
