package pipeline

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
)

type upload struct {
	connect.Common
	name, description, versionOf string
}

func newUpload(s *term.Streams) *cobra.Command {
	var o upload
	cmd := &cobra.Command{
		Use:   "upload FILE",
		Short: "Keep a compiled pipeline (.yaml, .zip, .tar.gz), or a new version of one",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), s, args[0]) },
	}
	o.AddFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "name of the pipeline or version (default: the file's)")
	f.StringVar(&o.description, "description", "", "what it is for")
	f.StringVar(&o.versionOf, "version-of", "", "add a version to this pipeline (name or id)")
	return cmd
}

func (o *upload) run(ctx context.Context, s *term.Streams, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	c, err := o.Client()
	if err != nil {
		return err
	}
	name := o.name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	query := url.Values{"name": {name}}
	if o.description != "" {
		query.Set("description", o.description)
	}
	if o.Namespace != "" {
		query.Set("namespace", o.Namespace)
	}
	var parent string
	if o.versionOf != "" {
		p, err := find(ctx, c, o.Namespace, o.versionOf)
		if err != nil {
			return err
		}
		parent = p.PipelineID
	}
	made, err := c.UploadPipeline(ctx, file, filepath.Base(path), query, parent)
	if err != nil {
		return err
	}
	if ok, err := s.Print(o.Format, made); ok {
		return err
	}
	what := "pipeline"
	if parent != "" {
		what = "version"
	}
	_, err = fmt.Fprintf(s.Out, "%s %s uploaded\n", what, term.Plain(name))
	return err
}
