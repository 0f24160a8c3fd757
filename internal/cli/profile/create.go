package profile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

type create struct {
	connect.Common
	owner string
	quota []string
}

const (
	readyTimeout = time.Minute
	pollEvery    = 200 * time.Millisecond
)

func newCreate(s *term.Streams) *cobra.Command {
	var o create
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a profile and wait until it can be used", Args: cobra.ExactArgs(1),
		Example: "  slipway profile create vision --owner ada@example.com --quota requests.cpu=8 --quota requests.memory=32Gi",
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), s, args[0]) },
	}
	o.AddFlags(cmd)
	cmd.Flags().StringVar(&o.owner, "owner", "", "e-mail of the owner (default: you)")
	cmd.Flags().StringArrayVar(&o.quota, "quota", nil, "a limit, as resource=quantity (repeatable)")
	return cmd
}

func (o *create) run(ctx context.Context, s *term.Streams, name string) error {
	wanted := client.Profile{Name: name, Owner: o.owner}
	for _, q := range o.quota {
		resource, limit, ok := strings.Cut(q, "=")
		if !ok {
			return fmt.Errorf("--quota %s: want resource=quantity, for example requests.cpu=8", q)
		}
		if wanted.Quota == nil {
			wanted.Quota = map[string]string{}
		}
		wanted.Quota[resource] = limit
	}
	c, err := o.Client()
	if err != nil {
		return err
	}
	if _, err := c.CreateProfile(ctx, wanted); err != nil {
		return err
	}
	made, err := ready(ctx, c, name)
	if err != nil {
		return err
	}
	if ok, err := s.Print(o.Format, made); ok {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "profile %s is ready; work in it with -n %s\n", name, name)
	return err
}

func ready(ctx context.Context, c *client.Client, name string) (client.Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		p, err := c.Profile(ctx, name)
		switch {
		case err == nil && p.Ready():
			return p, nil
		case err == nil && p.State == "Failed":
			return p, fmt.Errorf("profile %s: %s", name, p.Message)
		case err != nil && !client.NotFound(err) && ctx.Err() == nil:
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, fmt.Errorf("profile %s is not ready yet (%s); look again with `slipway profile get %s`", name, p.Message, name)
		case <-tick.C:
		}
	}
}
