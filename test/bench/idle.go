package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	settle   = 20 * time.Second
	idleSpan = 30 * time.Second
	// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
	ticks = 100
)

// process is one of the instance's.
type process struct {
	pid  int
	name string
}

// idle measures memory and CPU while nothing is asked of the instance.
func (b *bench) idle(ctx context.Context) error {
	if err := wait(ctx, settle); err != nil {
		return err
	}
	all, err := processes()
	if err != nil {
		return err
	}
	var total, server int
	for _, p := range all {
		kib, err := pss(p.pid)
		if err != nil {
			continue // it has ended
		}
		total += kib
		if p.name == "server" {
			server += kib
		}
	}
	b.add("idle memory, all processes (PSS)", fmt.Sprintf("%d MiB", total/1024), "800 MB")
	b.add("idle memory, slipway server (PSS)", fmt.Sprintf("%d MiB", server/1024), "120 MB")

	before := cpu(all)
	if err := wait(ctx, idleSpan); err != nil {
		return err
	}
	after := cpu(all)
	sum := 0
	most, mostName := 0, ""
	for _, p := range all {
		used := after[p.pid] - before[p.pid]
		sum += used
		if used > most {
			most, mostName = used, p.name
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / ticks / idleSpan.Seconds() }
	b.add("idle CPU, of one core", fmt.Sprintf("%.1f %%", share(sum)), "low")
	b.add("  most of it: "+mostName, fmt.Sprintf("%.1f %%", share(most)), "")
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// processes are those in the PID namespace of the instance, and its supervisor.
func processes() ([]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	namespace := map[string][]process{}
	var inside string
	var supervisor []process
	for _, file := range files {
		dir := filepath.Dir(file)
		text, err := os.ReadFile(file)
		if err != nil || len(text) == 0 {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		ns, err := os.Readlink(filepath.Join(dir, "ns", "pid"))
		if err != nil {
			continue
		}
		args := strings.Split(string(text), "\x00")
		p := process{pid, filepath.Base(args[0])}
		if p.name == "slipway" && len(args) > 1 {
			p.name = args[1]
		}
		namespace[ns] = append(namespace[ns], p)
		if p.name == "kube-apiserver" && bytes.Contains(text, []byte(dataDir)) {
			inside = ns
		}
		if p.name == "up" && bytes.Contains(text, []byte(dataDir)) {
			supervisor = append(supervisor, p)
		}
	}
	if inside == "" {
		return nil, errors.New("the instance's processes cannot be found")
	}
	return append(namespace[inside], supervisor...), nil
}

// pss is a process's proportional set size in KiB.
func pss(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, fmt.Errorf("process %d has no Pss", pid)
}

// cpu are the ticks that each process has used.
func cpu(all []process) map[int]int {
	out := map[int]int{}
	for _, p := range all {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold spaces.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		user, uerr := strconv.Atoi(fields[11])
		system, serr := strconv.Atoi(fields[12])
		if uerr == nil && serr == nil {
			out[p.pid] = user + system
		}
	}
	return out
}
