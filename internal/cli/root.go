// Package cli is the command line: one folder a noun, one file a verb. It speaks
// to servers through package client and never imports a store.
package cli

import (
	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
)

// NewRoot returns the root command without its subcommands; cmd/slipway adds
// them, since only it may know the server.
func NewRoot(version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "slipway",
		Short: "Machine learning on Kubernetes, in one program",
		Long: `Slipway runs machine-learning pipelines on Kubernetes: one it brings along, or yours.

  slipway up                  start everything on this machine
  slipway run submit FILE     run a pipeline (.yaml, or .py written with the kfp SDK)
  slipway status              what runs, where, and what is wrong`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(
		&cobra.Group{ID: GroupWork, Title: "Work:"},
		&cobra.Group{ID: GroupPlatform, Title: "Platform:"},
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// Command groups of the help page.
const (
	GroupWork     = "work"
	GroupPlatform = "platform"
)

// Streams is the type that every command's constructor takes.
type Streams = term.Streams
