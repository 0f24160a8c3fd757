// Package instance holds the commands that run the platform on this machine: up,
// down, status, logs, kubectl and doctor. What they do is package local's.
package instance

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local"
)

// Exit codes beyond 0 and 1.
const (
	ExitNotReady = 3 // status: the instance is not ready
)

// ExitError carries an exit code; what is wrong was said already.
type ExitError int

func (ExitError) Error() string { return "" }

// ExitCode is the process's exit status.
func (e ExitError) ExitCode() int { return int(e) }

// Commands are all verbs, for the root command.
func Commands(s *term.Streams, version string) []*cobra.Command {
	commands := []*cobra.Command{newUp(s, version), newDown(s), newStatus(s), newLogs(s), newKubectl(s), newDoctor(s)}
	for _, c := range commands {
		c.GroupID = "platform"
	}
	return commands
}

// target are the flags that say which instance is meant.
type target struct{ file, name, dataDir, console string }

func (t *target) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&t.file, "config", "c", "", "slipway.yaml to read")
	f.StringVar(&t.name, "name", "", "name of the instance (default "+local.DefaultName+")")
	f.StringVar(&t.dataDir, "data-dir", "", "folder of the instance's data (default /var/lib/slipway/NAME)")
}

// config is the file with the flags over it, completed.
func (t *target) config() (config.Config, error) {
	c := &config.Config{}
	if t.file != "" {
		var err error
		if c, err = config.Load(t.file); err != nil {
			return config.Config{}, err
		}
	}
	for _, o := range []struct {
		flag string
		to   *string
	}{{t.name, &c.Local.Name}, {t.dataDir, &c.Local.DataDir}, {t.console, &c.Local.Console}} {
		if o.flag != "" {
			*o.to = o.flag
		}
	}
	self, err := os.Executable()
	if err != nil {
		return config.Config{}, err
	}
	return local.Complete(*c, self)
}
