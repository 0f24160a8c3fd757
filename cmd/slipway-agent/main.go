// Command slipway-agent is everything of ours inside users' pods.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/slipway-ml/slipway/internal/agent"
	"github.com/slipway-ml/slipway/internal/version"
)

// memory is what the agent may take of the user's limit, in bytes.
const memory = 48 << 20

const usage = `usage: slipway-agent step          run the attempt that the environment describes
       slipway-agent copy TARGET   put this program at TARGET
       slipway-agent version
`

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	debug.SetMemoryLimit(memory)
	switch {
	case len(args) == 1 && args[0] == "step":
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		return agent.Step(context.Background(), os.Environ(), os.Stdout, signals)
	case len(args) == 2 && args[0] == "copy":
		if err := agent.Copy(args[1]); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case len(args) == 1 && args[0] == "version":
		_, _ = fmt.Println(version.Version)
		return 0
	}
	_, _ = fmt.Fprint(os.Stderr, usage)
	return 2
}
