// Package profile holds the verbs of `slipway profile`.
package profile

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

// New returns `slipway profile`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "profile", Short: "Make and list profiles: a namespace, a quota and a bucket for a team", GroupID: "platform"}
	cmd.AddCommand(newCreate(s), newList(s), newGet(s))
	return cmd
}

func draw(s *term.Streams, profiles []client.Profile) error {
	var rows [][]string
	for _, p := range profiles {
		rows = append(rows, []string{p.Name, p.Owner, p.State, quota(p.Quota), p.Message})
	}
	return s.Rows([]string{"name", "owner", "state", "quota", "message"}, rows)
}

func quota(q map[string]string) string {
	var parts []string
	for name, limit := range q {
		parts = append(parts, name+"="+limit)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
