package instance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

func newLogs(s *term.Streams) *cobra.Command {
	var t target
	var follow bool
	var tail int
	cmd := &cobra.Command{
		Use: "logs [COMPONENT]", Short: "What a component said (without a name: which there are)", Args: cobra.MaximumNArgs(1),
		Example: "  slipway logs kubelet --tail 50\n  slipway logs server -f",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := t.config()
			if err != nil {
				return err
			}
			dir := layout.Dir(cfg.Local.DataDir).Logs()
			if len(args) == 0 {
				return list(s, dir)
			}
			return printLog(cmd.Context(), s, filepath.Join(dir, filepath.Base(args[0])+".log"), tail, follow)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().IntVar(&tail, "tail", 200, "how many lines of the end; 0 is all")
	return cmd
}

func list(s *term.Streams, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no logs in %s: the instance has never run", dir)
	}
	for _, f := range files {
		if _, err := fmt.Fprintln(s.Out, strings.TrimSuffix(filepath.Base(f), ".log")); err != nil {
			return err
		}
	}
	return nil
}

// printLog prints the end of a log, and follows it over rotations.
func printLog(ctx context.Context, s *term.Streams, path string, tail int, follow bool) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no component has the log %s; slipway logs lists them", path)
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := printTail(s.Out, file, tail); err != nil || !follow {
		return err
	}
	for {
		if _, err := io.Copy(s.Out, file); err != nil {
			return err
		}
		if now, err := os.Stat(path); err == nil {
			old, err := file.Stat()
			if err != nil {
				return err
			}
			if !os.SameFile(now, old) {
				next, err := os.Open(path)
				if err != nil {
					return err
				}
				_ = file.Close()
				file = next
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func printTail(out io.Writer, in io.Reader, n int) error {
	if n <= 0 {
		_, err := io.Copy(out, in)
		return err
	}
	ring := make([]string, 0, n)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			if len(ring) == n {
				ring = append(ring[:0], ring[1:]...)
			}
			ring = append(ring, line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, strings.Join(ring, ""))
	return err
}
