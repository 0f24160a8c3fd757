// Package token holds the verbs of `slipway token`.
package token

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
)

// New returns `slipway token`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke personal tokens", GroupID: "platform",
		Long: `A personal token is a login for programs: the CLI, SDKs, CI. It acts in your name,
may be limited to reading (--scope read) and to a time (--expires 30d), and can be
revoked at any time. The server keeps only its hash.`,
	}
	cmd.AddCommand(newCreate(s), newList(s), newRevoke(s))
	return cmd
}

// common are the flags of every verb.
type common struct {
	connect.Options
	user   string
	format term.Format
}

func (c *common) flags(cmd *cobra.Command) {
	c.Flags(cmd.Flags())
	cmd.Flags().StringVar(&c.user, "user", "", "e-mail of another user (administrators)")
	cmd.Flags().VarP(&c.format, "output", "o", "output format: json, yaml or table")
}

// lifetime reads a duration that may be in days, as Go's does not.
func lifetime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("--expires %q: want for example 12h or 30d", s)
	}
	return d, nil
}

func day(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return t.Local().Format("2006-01-02 15:04")
}
