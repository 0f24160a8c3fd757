package instance

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local"
)

func newStatus(s *term.Streams) *cobra.Command {
	var t target
	var format term.Format
	cmd := &cobra.Command{
		Use: "status", Short: "What runs, where, and what is wrong", Args: cobra.NoArgs,
		Long: "Show the instance's components, addresses, network settings and warnings.\nExit status 3 when it is not ready.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := t.config()
			if err != nil {
				return err
			}
			st, err := local.Query(cmd.Context(), cfg.Local)
			if err != nil {
				return err
			}
			ok, err := s.Print(format, st)
			if !ok {
				err = show(s, st)
			}
			if err == nil && st.State != local.StateReady {
				err = ExitError(ExitNotReady)
			}
			return err
		},
	}
	t.flags(cmd)
	cmd.Flags().VarP(&format, "output", "o", "json, yaml or table")
	return cmd
}

func show(s *term.Streams, st local.Status) error {
	colour := term.Green
	if st.State != local.StateReady {
		colour = term.Yellow
	}
	rows := [][2]string{{"instance", st.Name + " is " + s.Paint(colour, st.State)}, {"data", st.DataDir}}
	if st.State != local.StateStopped {
		rows = append(rows, [2]string{"console", st.URL}, [2]string{"token", st.TokenFile}, [2]string{"kubeconfig", st.Kubeconfig},
			[2]string{"kubernetes", st.Kubernetes}, [2]string{"up for", time.Since(st.Since).Round(time.Second).String()})
	}
	if n := st.Network; n != nil {
		rows = append(rows, [2]string{"network", fmt.Sprintf("node %s, pods %s, services %s", n.Node, n.Pods, n.Services)}, [2]string{"trust", n.Outside.TrustBundle})
		if n.Outside.HTTPSProxy+n.Outside.HTTPProxy != "" {
			rows = append(rows, [2]string{"proxy", n.Outside.HTTPSProxy + " " + n.Outside.HTTPProxy})
		}
		if n.Outside.Pip.IndexURL != "" {
			rows = append(rows, [2]string{"pip index", n.Outside.Pip.IndexURL})
		}
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(s.Out, "%-12s %s\n", r[0], r[1]); err != nil {
			return err
		}
	}
	for _, w := range st.Warnings {
		if _, err := fmt.Fprintf(s.Out, "%-12s %s\n", s.Paint(term.Yellow, "warning"), term.Plain(w)); err != nil {
			return err
		}
	}
	for _, i := range st.Images {
		if i.Phase != images.Ready {
			if _, err := fmt.Fprintf(s.Out, "%-12s %s: %s %s\n", "image", i.Image, i.Phase, term.Plain(i.Detail)); err != nil {
				return err
			}
		}
	}
	if len(st.Components) == 0 {
		return nil
	}
	var table [][]string
	for _, c := range st.Components {
		table = append(table, []string{c.Name, string(c.State), time.Since(c.Since).Round(time.Second).String(), fmt.Sprint(c.Restarts), c.Error})
	}
	if _, err := fmt.Fprintln(s.Out); err != nil {
		return err
	}
	return s.Rows([]string{"component", "state", "for", "restarts", "why"}, table)
}
