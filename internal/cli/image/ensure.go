package image

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/network"
)

type ensure struct {
	common
	cacheOnly bool
}

func newEnsure(s *term.Streams) *cobra.Command {
	var o ensure
	cmd := &cobra.Command{
		Use: "ensure", Short: "Provide the base images: pull them, or build them here", Args: cobra.NoArgs,
		Long: "Provides " + strings.Join(images.BaseImages(), ", ") + `.
An image that its registry does not give within seconds is built from Debian's and
Python's packages, once on a machine (root, Linux; about two minutes).`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), s) },
	}
	o.flags(cmd)
	cmd.Flags().VarP(&o.format, "output", "o", "output format")
	cmd.Flags().BoolVar(&o.cacheOnly, "cache-only", false, "build into this machine's cache, without a running instance")
	return cmd
}

func (o *ensure) run(ctx context.Context, s *term.Streams) error {
	base := &images.Base{Cache: images.DefaultCache(), Network: hostNetwork(), Clock: time.Now}
	if !o.cacheOnly {
		store, err := o.store()
		if err != nil {
			return err
		}
		base.Store = store
	}
	states := map[string]images.BaseState{}
	shown := map[string]string{}
	base.Report = func(state images.BaseState) {
		states[state.Image] = state
		if state.Phase == images.Waiting || (state.Phase == images.Ready && shown[state.Image] == "") {
			return // said in the end
		}
		line := fmt.Sprintf("%s: %s", state.Image, state.Phase)
		if state.Detail != "" {
			line += " (" + firstLine(state.Detail) + ")"
		}
		if shown[state.Image] != line {
			shown[state.Image] = line
			_, _ = fmt.Fprintln(s.Err, term.Plain(line))
		}
	}
	err := base.Ensure(ctx)
	var out []images.BaseState
	for _, ref := range images.BaseImages() {
		if state, ok := states[ref]; ok {
			out = append(out, state)
		}
	}
	if err != nil {
		return explain(err, "public names")
	}
	if ok, err := s.Print(o.format, out); ok {
		return err
	}
	for _, state := range out {
		if _, err := fmt.Fprintf(s.Out, "%s: %s\n", state.Image, state.Phase); err != nil {
			return err
		}
	}
	return nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return clip(line, 160)
}

// hostNetwork are the settings of this machine, for programs that run on it.
func hostNetwork() config.Network {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root"
	}
	host := network.Host{Files: os.DirFS("/"), Getenv: os.Getenv, Home: home}
	return network.Detect(config.Network{}, host, "127.0.0.1", []string{"localhost", "127.0.0.1"}).Network
}
