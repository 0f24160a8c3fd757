package run

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
)

type submit struct {
	connect.Common
	params                         []string
	name, experiment, function, sa string
	watch                          bool
}

func newSubmit(s *term.Streams) *cobra.Command {
	var o submit
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Run a pipeline: a compiled .yaml, or a .py written with the kfp SDK",
		Example: `  slipway run submit pipeline.yaml
  slipway run submit pipeline.py -p learning_rate=0.1 --watch`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), s, args[0]) },
	}
	o.AddFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&o.params, "param", "p", nil, "parameter as key=value; lists and structs as JSON (repeatable)")
	f.StringVar(&o.name, "name", "", "name of the run (default: the pipeline's name and the time)")
	f.StringVar(&o.experiment, "experiment", "", "experiment to put the run in; made when absent (default: Default)")
	f.StringVar(&o.function, "function", "", "which @dsl.pipeline of a .py with several")
	f.StringVar(&o.sa, "service-account", "", "service account of the steps (default: default-editor)")
	f.BoolVarP(&o.watch, "watch", "w", false, "follow the run to its end; exit 1 if it fails")
	return cmd
}

func (o *submit) run(ctx context.Context, s *term.Streams, file string) error {
	spec, err := load(ctx, file, o.function)
	if err != nil {
		return err
	}
	h, err := head(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	params, err := parameters(h, o.params)
	if err != nil {
		return err
	}
	c, err := o.Client()
	if err != nil {
		return err
	}
	run := client.Run{DisplayName: o.name, PipelineSpec: spec, ServiceAccount: o.sa, RuntimeConfig: &client.RuntimeConfig{Parameters: params}}
	if run.DisplayName == "" {
		base := h.PipelineInfo.Name
		if base == "" {
			base = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		}
		run.DisplayName = base + " " + time.Now().Format("2006-01-02 15:04:05")
	}
	if o.experiment != "" {
		if run.ExperimentID, err = experiment(ctx, c, o.Namespace, o.experiment); err != nil {
			return err
		}
	}
	made, err := c.CreateRun(ctx, run, o.Namespace)
	if err != nil {
		return err
	}
	if o.watch {
		return watch(ctx, s, c, made.RunID)
	}
	if ok, err := s.Print(o.Format, made); ok {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "run %s submitted (%s)\nfollow it: slipway run watch %s\n", made.RunID, term.Plain(made.DisplayName), made.RunID)
	return err
}

// experiment returns the id of the experiment called name, making it if need be.
func experiment(ctx context.Context, c *client.Client, namespace, name string) (string, error) {
	filter := fmt.Sprintf(`{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":%q}]}`, name)
	page, err := c.ListExperiments(ctx, client.ListOptions{Namespace: namespace, Filter: filter, PageSize: 1})
	if err != nil {
		return "", err
	}
	if len(page.Items) > 0 {
		return page.Items[0].ExperimentID, nil
	}
	made, err := c.CreateExperiment(ctx, client.Experiment{DisplayName: name, Namespace: namespace})
	return made.ExperimentID, err
}
