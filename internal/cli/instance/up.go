package instance

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local"
)

func newUp(s *term.Streams, version string) *cobra.Command {
	var t target
	var foreground bool
	cmd := &cobra.Command{
		Use: "up", Short: "Start everything on this machine", Args: cobra.NoArgs,
		Long: `Start Kubernetes, its storage, registry and the Slipway server in namespaces of
their own on this Linux machine, and return when all of it is ready. What exists
is found as it was. Needs root.`,
		Example: `  slipway up
  slipway up --name second --console 127.0.0.1:8081
  slipway up --config slipway.yaml --foreground`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return up(ctx, s, &t, foreground, version)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&t.console, "console", "", "address of the console (default "+local.DefaultConsole+")")
	cmd.Flags().BoolVar(&foreground, "foreground", false, "stay, and stop the instance at the end (Ctrl-C)")
	return cmd
}

func up(ctx context.Context, s *term.Streams, t *target, foreground bool, version string) error {
	cfg, err := t.config()
	if err != nil {
		return err
	}
	began := time.Now()
	d := &display{streams: s, began: began}
	said := false
	ready := func(st local.Status) error {
		if said || st.State != local.StateReady {
			return nil
		}
		said = true
		d.clear()
		return announce(s, st, time.Since(began))
	}
	st, err := local.Up(ctx, cfg, local.UpOptions{Foreground: foreground, Version: version, Progress: func(st local.Status) {
		if err := ready(st); err == nil && st.State != local.StateReady {
			d.draw(st)
		}
	}})
	d.clear()
	if err != nil {
		return err
	}
	return ready(st)
}

// announce says what a person does next.
func announce(s *term.Streams, st local.Status, took time.Duration) error {
	notes := st.Warnings
	if st.Network != nil {
		for _, r := range st.Network.Relays {
			notes = append(notes, fmt.Sprintf("%s, on this host's loopback, is relayed: pods find it at %s", r.To, r.From))
		}
	}
	for _, w := range notes {
		if _, err := fmt.Fprintln(s.Out, s.Paint(term.Yellow, "note:"), term.Plain(w)); err != nil {
			return err
		}
	}
	for _, i := range st.Images {
		if i.Phase != images.Ready && i.Phase != images.Failed {
			if _, err := fmt.Fprintln(s.Out, s.Paint(term.Yellow, "note:"), "base images such as", i.Image, "are being provided in the background (slipway status)"); err != nil {
				return err
			}
			break
		}
	}
	_, err := fmt.Fprintf(s.Out, `%s after %.1f s: %s

  console     %s
  token       %s
  kubectl     slipway kubectl get pods -A   (kubeconfig: %s)
  state       slipway status
`, s.Paint(term.Green, "Ready"), took.Seconds(), st.Name, st.URL, st.TokenFile, st.Kubeconfig)
	return err
}
