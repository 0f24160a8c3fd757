package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

func newLoad(s *term.Streams) *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use: "load FILE", Short: "Load the images of a file under the names that are in it", Args: cobra.ExactArgs(1),
		Long:    "FILE is an image archive: docker save, skopeo's oci-archive, or an OCI layout in a tar.",
		Example: "  docker save train:1 > train.tar && slipway image load train.tar",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.load(cmd.Context(), s, args[0])
		},
	}
	c.flags(cmd)
	cmd.Flags().VarP(&c.format, "output", "o", "output format")
	return cmd
}

func (c *common) load(ctx context.Context, s *term.Streams, file string) (err error) {
	a, err := ocitar.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	var loaded []string
	for _, e := range a.Entries {
		if e.Ref == "" {
			return fmt.Errorf("%s carries no name: give it one with `slipway image push %s NAME`", file, file)
		}
		ref, err := images.Canonical(e.Ref)
		if err != nil {
			return err
		}
		if err := c.write(ctx, ref, e, file); err != nil {
			return err
		}
		loaded = append(loaded, ref)
	}
	return c.done(s, loaded...)
}

// done tells which images are now there.
func (c *common) done(s *term.Streams, refs ...string) error {
	type result struct {
		Image string `json:"image"`
	}
	results := []result{}
	for _, ref := range refs {
		results = append(results, result{ref})
	}
	if ok, err := s.Print(c.format, results); ok {
		return err
	}
	_, err := fmt.Fprintln(s.Out, strings.Join(refs, "\n"))
	return err
}

func newPush(s *term.Streams) *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use: "push SOURCE NAME", Short: "Push a file's image, or an image of the registry under another name", Args: cobra.ExactArgs(2),
		Long: `SOURCE is an image archive, or the name of an image that is in the registry.
A NAME without a registry host means slipway.dev/profiles/<your profile>/NAME.`,
		Example: "  slipway image push train.tar train:1\n  slipway image push docker.io/library/python:3.11 slipway.dev/profiles/alice/python:3.11",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.push(cmd.Context(), s, args[0], args[1])
		},
	}
	c.flags(cmd)
	cmd.Flags().VarP(&c.format, "output", "o", "output format")
	return cmd
}

func (c *common) push(ctx context.Context, s *term.Streams, source, name string) (err error) {
	ref, err := c.fullName(ctx, name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(source); err != nil {
		if err := c.copy(ctx, source, ref); err != nil {
			return err
		}
		return c.done(s, ref)
	}
	a, err := ocitar.Open(source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if len(a.Entries) != 1 {
		return fmt.Errorf("%s holds %d images: load them with `slipway image load %s`", source, len(a.Entries), source)
	}
	if err := c.write(ctx, ref, a.Entries[0], source); err != nil {
		return err
	}
	return c.done(s, ref)
}

func (c *common) write(ctx context.Context, ref string, e ocitar.Entry, file string) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	return explain(store.Push(ctx, ref, e.Image, images.Provenance{Origin: images.Loaded, Source: file, Time: time.Now()}), ref)
}

func (c *common) copy(ctx context.Context, source, ref string) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	if _, ok, err := store.Digest(ctx, source); err != nil {
		return explain(err, source)
	} else if !ok {
		return fmt.Errorf("%s is neither a file nor an image of the registry (slipway image list)", source)
	}
	img, err := store.Image(ctx, source)
	if err != nil {
		return err
	}
	return explain(store.Push(ctx, ref, img, images.Provenance{Origin: images.Pushed, Source: "copy of " + source, Time: time.Now()}), ref)
}

func newPull(s *term.Streams) *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use: "pull NAME", Short: "Copy an image from its own registry into Slipway's, or get it anew", Args: cobra.ExactArgs(1),
		Long: `The image is read on this machine, with docker's logins, proxy and trust, and
replaces what the registry has under that name: a stand-in too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.pull(cmd.Context(), s, args[0])
		},
	}
	c.flags(cmd)
	cmd.Flags().VarP(&c.format, "output", "o", "output format")
	return cmd
}

func (c *common) pull(ctx context.Context, s *term.Streams, name string) error {
	ref, err := images.Canonical(name)
	if err != nil {
		return err
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	outside, err := images.NewOutside(config.Network{}, authn.DefaultKeychain)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.Err, "pulling %s\n", ref); err != nil {
		return err
	}
	if err := store.Pull(ctx, outside, ref, time.Now()); err != nil {
		if errors.Is(err, images.ErrUnreachable) {
			return fmt.Errorf("%w\nOn a machine that reaches it: docker pull %s && docker save %s > image.tar; here: slipway image load image.tar", err, name, name)
		}
		return explain(err, ref)
	}
	return c.done(s, ref)
}
