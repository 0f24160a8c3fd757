// Command bench measures a local instance of its own and prints a table with the
// figures to reach: start and end, memory, idle CPU, the overhead of a step, a
// burst of pods.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	name    = "bench"
	dataDir = "/var/lib/slipway/bench"
	console = "127.0.0.1:18098"
)

// row is one line of the table.
type row struct{ what, measured, target string }

type bench struct {
	root, program string
	rows          []row
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b := &bench{root: root, program: filepath.Join(root, "bin", "slipway")}
	if os.Geteuid() != 0 {
		return errors.New("the benchmark starts a local instance and so needs root")
	}
	if _, err := b.slipway(ctx, "down", "--purge"); err != nil {
		return err
	}
	defer func() {
		_, downErr := b.slipway(ctx, "down", "--purge")
		err = errors.Join(err, downErr)
	}()
	for _, measure := range []func(context.Context) error{b.startAndEnd, b.idle, b.steps, b.burst} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	b.print()
	return nil
}

func (b *bench) add(what, measured, target string) {
	b.rows = append(b.rows, row{what, measured, target})
	fmt.Fprintf(os.Stderr, "  %-52s %s\n", what, measured)
}

func (b *bench) print() {
	fmt.Printf("\n%-52s %14s %14s\n", "what", "measured", "to reach")
	for _, r := range b.rows {
		fmt.Printf("%-52s %14s %14s\n", r.what, r.measured, r.target)
	}
}

// slipway runs the program against the benchmark's instance.
func (b *bench) slipway(ctx context.Context, args ...string) (string, error) {
	args = append(args, "--name", name, "--data-dir", dataDir)
	if args[0] == "up" {
		args = append(args, "--console", console)
	}
	out, err := exec.CommandContext(ctx, b.program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("slipway %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (b *bench) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	args = append([]string{"kubectl", "--kubeconfig", filepath.Join(dataDir, "kubeconfig")}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "bin", "distro", "kube"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args[3:], " "), err, out)
	}
	return string(out), nil
}

func (b *bench) timed(ctx context.Context, args ...string) (string, error) {
	began := time.Now()
	_, err := b.slipway(ctx, args...)
	return seconds(time.Since(began)), err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// startAndEnd leaves the instance up, with the images that steps need.
func (b *bench) startAndEnd(ctx context.Context) error {
	for _, m := range []struct{ what, verb, target string }{
		{"up, empty data folder", "up", "12 s"},
		{"down", "down", "5 s"},
		{"up, existing data", "up", "10 s"},
	} {
		took, err := b.timed(ctx, m.verb)
		if err != nil {
			return err
		}
		b.add(m.what, took, m.target)
	}
	out, err := exec.CommandContext(ctx, b.program, "image", "ensure", "--instance", name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("image ensure: %w\n%s", err, out)
	}
	return nil
}
