package instance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

func newKubectl(s *term.Streams) *cobra.Command {
	return &cobra.Command{
		Use: "kubectl [--name NAME] [ARGUMENTS]", Short: "Run the bundled kubectl against this instance",
		Example:            "  slipway kubectl get nodes,pods -A\n  slipway kubectl --name second get pods",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			var t target
			args = ownFlags(&t, args)
			cfg, err := t.config()
			if err != nil {
				return err
			}
			kubeconfig := layout.Dir(cfg.Local.DataDir).Kubeconfig()
			if _, err := os.Stat(kubeconfig); err != nil {
				return fmt.Errorf("no kubeconfig of the instance %s (%w): is it up, and are you root?", cfg.Local.Name, err)
			}
			run := exec.CommandContext(cmd.Context(), filepath.Join(cfg.Local.DistroDir, "kube"), args...)
			run.Args[0] = "kubectl"
			run.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
			run.Stdin, run.Stdout, run.Stderr = s.In, s.Out, s.Err
			var exit *exec.ExitError
			if err := run.Run(); errors.As(err, &exit) {
				return ExitError(exit.ExitCode())
			} else if err != nil {
				return err
			}
			return nil
		},
	}
}

// ownFlags takes our flags off the front; all else is kubectl's.
func ownFlags(t *target, args []string) []string {
	known := map[string]*string{"--name": &t.name, "--data-dir": &t.dataDir, "--config": &t.file}
	for len(args) > 0 {
		name, value, joined := strings.Cut(args[0], "=")
		to := known[name]
		if to == nil {
			return args
		}
		if joined {
			*to, args = value, args[1:]
			continue
		}
		if len(args) < 2 {
			return args
		}
		*to, args = args[1], args[2:]
	}
	return args
}
