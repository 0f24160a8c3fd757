package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/client"
)

const (
	chain    = 12
	pods     = 50
	patience = 5 * time.Minute
	poll     = 100 * time.Millisecond
)

// steps measures a chain of trivial container steps: from the end of one step's
// command to the start of the next one's. The commands say when by the machine's
// own uptime, which all containers share (10 ms steps).
func (b *bench) steps(ctx context.Context) error {
	token, err := os.ReadFile(filepath.Join(dataDir, "admin.token"))
	if err != nil {
		return err
	}
	c, err := client.New("http://"+console, strings.TrimSpace(string(token)))
	if err != nil {
		return err
	}
	var gaps []float64
	for range 2 { // the first warms the node up
		if gaps, err = chainGaps(ctx, c); err != nil {
			return err
		}
	}
	slices.Sort(gaps)
	b.add("overhead per step, p50", fmt.Sprintf("%.2f s", gaps[len(gaps)/2]), "1.2 s")
	b.add("overhead per step, p95", fmt.Sprintf("%.2f s", gaps[len(gaps)*95/100]), "")
	return nil
}

func chainGaps(ctx context.Context, c *client.Client) ([]float64, error) {
	run, err := c.CreateRun(ctx, client.Run{DisplayName: "bench", PipelineSpec: chainSpec()}, "")
	if err != nil {
		return nil, err
	}
	if err := ended(ctx, c, run.RunID); err != nil {
		return nil, err
	}
	tasks, err := c.Tasks(ctx, run.RunID)
	if err != nil {
		return nil, err
	}
	var times []float64
	for _, t := range tasks {
		if t.Type != "RUNTIME" {
			continue
		}
		at, err := said(ctx, c, run.RunID, t.TaskID)
		if err != nil {
			return nil, err
		}
		times = append(times, at)
	}
	slices.Sort(times)
	var gaps []float64
	for i := 1; i < len(times); i++ {
		gaps = append(gaps, times[i]-times[i-1])
	}
	if len(gaps) != chain-1 {
		return nil, fmt.Errorf("the chain has %d gaps, want %d", len(gaps), chain-1)
	}
	return gaps, nil
}

// said is the uptime in seconds that a step printed.
func said(ctx context.Context, c *client.Client, run, task string) (float64, error) {
	body, err := c.Logs(ctx, run, task, false)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return 0, errors.New("a step has printed nothing")
	}
	return strconv.ParseFloat(fields[0], 64)
}

func ended(ctx context.Context, c *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r, err := c.Run(ctx, id)
		if err != nil {
			return err
		}
		switch r.State {
		case "SUCCEEDED":
			return nil
		case "FAILED", "CANCELED":
			return fmt.Errorf("run %s: %s", r.State, r.Error.Message)
		}
		if err := wait(ctx, poll); err != nil {
			return err
		}
	}
}

func chainSpec() json.RawMessage {
	tasks := map[string]any{}
	for i := range chain {
		task := map[string]any{"taskInfo": map[string]any{"name": fmt.Sprintf("step-%d", i)}, "componentRef": map[string]any{"name": "comp-step"}}
		if i > 0 {
			task["dependentTasks"] = []string{fmt.Sprintf("step-%d", i-1)}
		}
		tasks[fmt.Sprintf("step-%d", i)] = task
	}
	spec, err := json.Marshal(map[string]any{
		"schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.3", "pipelineInfo": map[string]any{"name": "bench"},
		"components": map[string]any{"comp-step": map[string]any{"executorLabel": "exec-step"}},
		"deploymentSpec": map[string]any{"executors": map[string]any{"exec-step": map[string]any{
			"container": map[string]any{"image": "busybox", "command": []string{"cat", "/proc/uptime"}},
		}}},
		"root": map[string]any{"dag": map[string]any{"tasks": tasks}},
	})
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return spec
}

// burst measures fifty one-shot pods from the first create to the last end.
func (b *bench) burst(ctx context.Context) error {
	var manifest strings.Builder
	for i := range pods {
		fmt.Fprintf(&manifest, `---
apiVersion: v1
kind: Pod
metadata: {name: burst-%d, namespace: default, labels: {app: burst}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  containers: [{name: main, image: busybox, imagePullPolicy: IfNotPresent, command: ["true"]}]
`, i)
	}
	began := time.Now()
	if _, err := b.kubectl(ctx, manifest.String(), "create", "-f", "-"); err != nil {
		return err
	}
	if _, err := b.kubectl(ctx, "", "wait", "pods", "-l", "app=burst", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=180s"); err != nil {
		return err
	}
	b.add("50 one-shot pods at once", seconds(time.Since(began)), "12 s")
	_, err := b.kubectl(ctx, "", "delete", "pods", "-l", "app=burst", "--grace-period=0", "--force")
	return err
}
