// Package pipeline holds the verbs of `slipway pipeline`.
package pipeline

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// New returns `slipway pipeline`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "pipeline", Short: "Keep pipelines and their versions", GroupID: "work"}
	cmd.AddCommand(newUpload(s), newList(s), newGet(s))
	return cmd
}

// find returns the pipeline that arg names: its name or its id.
func find(ctx context.Context, c *client.Client, namespace, arg string) (client.Pipeline, error) {
	filter := fmt.Sprintf(`{"predicates":[{"operation":"EQUALS","key":"name","string_value":%q}]}`, arg)
	page, err := c.ListPipelines(ctx, client.ListOptions{Namespace: namespace, Filter: filter, PageSize: 1})
	if err != nil {
		return client.Pipeline{}, err
	}
	if len(page.Items) == 1 {
		return page.Items[0], nil
	}
	p, err := c.Pipeline(ctx, arg)
	if client.NotFound(err) {
		return p, fmt.Errorf("no pipeline %q; `slipway pipeline list` shows them", arg)
	}
	return p, err
}
