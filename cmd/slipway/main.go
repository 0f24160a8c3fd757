// Command slipway is the whole product: the command line, and behind `up` and
// `server` what it talks to.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/app"
	"github.com/slipway-ml/slipway/internal/cli"
	"github.com/slipway-ml/slipway/internal/cli/data"
	"github.com/slipway-ml/slipway/internal/cli/image"
	"github.com/slipway-ml/slipway/internal/cli/instance"
	"github.com/slipway-ml/slipway/internal/cli/pipeline"
	"github.com/slipway-ml/slipway/internal/cli/profile"
	"github.com/slipway-ml/slipway/internal/cli/run"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/cli/token"
	"github.com/slipway-ml/slipway/internal/local"
	"github.com/slipway-ml/slipway/internal/version"
)

func main() {
	local.Reexec(version.Version)
	err := command(term.System()).ExecuteContext(context.Background())
	if err == nil {
		return
	}
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "slipway:", err)
	os.Exit(1)
}

func command(s *term.Streams) *cobra.Command {
	root := cli.NewRoot(version.Version)
	root.AddCommand(instance.Commands(s, version.Version)...)
	root.AddCommand(run.New(s), pipeline.New(s), data.New(s), profile.New(s), token.New(s), image.New(s), app.ServerCommand())
	return root
}
