package instance

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/local"
)

func newDoctor(s *term.Streams) *cobra.Command {
	var t target
	var format term.Format
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check this machine, and say what to install or allow", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := t.config()
			if err != nil {
				return err
			}
			checks := local.Doctor(cmd.Context(), cfg.Local)
			if ok, err := s.Print(format, checks); ok {
				return err
			}
			fatal := false
			for _, c := range checks {
				sign := s.Paint(term.Green, "ok  ")
				if !c.OK {
					sign = s.Paint(term.Yellow, "note")
				}
				if !c.OK && c.Fatal {
					sign, fatal = s.Paint(term.Red, "FAIL"), true
				}
				if _, err := fmt.Fprintf(s.Out, "%s  %-11s %s\n", sign, c.Name, c.Detail); err != nil {
					return err
				}
				if c.Remedy != "" {
					if _, err := fmt.Fprintf(s.Out, "                  -> %s\n", c.Remedy); err != nil {
						return err
					}
				}
			}
			if fatal {
				return errors.New("slipway up cannot work here until what failed is mended")
			}
			return nil
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&t.console, "console", "", "address of the console to check (default "+local.DefaultConsole+")")
	cmd.Flags().VarP(&format, "output", "o", "json, yaml or table")
	return cmd
}
