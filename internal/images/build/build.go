package build

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

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// Builder builds into one cache folder.
type Builder struct {
	// Cache is the folder of finished images.
	Cache string
	// Network is how the outside is reached: trust, proxy, Python index.
	Network config.Network
	// Progress is told what happens, in a few words.
	Progress func(string)
	// Clock dates the result.
	Clock func() time.Time
}

// Path is where a recipe's image is or would be.
func (b *Builder) Path(r Recipe) string { return filepath.Join(b.Cache, r.Key()+".tar") }

// Cached says whether the recipe's image is there.
func (b *Builder) Cached(r Recipe) bool {
	_, err := os.Stat(b.Path(r))
	return err == nil
}

// Build returns the file of the recipe's image, made now if it is not cached.
// base is the image under a Pip layer. Killed at any time it leaves a folder in
// the cache that the next build of the recipe removes, and no mounts.
func (b *Builder) Build(ctx context.Context, r Recipe, base v1.Image) (string, error) {
	if b.Cached(r) {
		return b.Path(r), nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, b.Cache, r.Key())
	if err != nil {
		return "", err
	}
	defer func() { _ = unlock() }()
	if b.Cached(r) { // another instance was faster
		return b.Path(r), nil
	}
	if err := b.sweep(); err != nil {
		return "", fmt.Errorf("clean the image cache: %w", err)
	}
	if err := b.make(ctx, r, base); err != nil {
		return "", fmt.Errorf("build image %s: %w", r.Ref, err)
	}
	return b.Path(r), nil
}

// keep is how long an image stays in the cache after the day it was built.
const keep = 90 * 24 * time.Hour

// sweep removes what killed builds left, and images so old that their recipe, or
// the packages in them, have surely changed.
func (b *Builder) sweep() error {
	works, err := filepath.Glob(filepath.Join(b.Cache, workPrefix+"*"))
	if err != nil {
		return err
	}
	for _, w := range works {
		unlock, err := tryLock(b.Cache, strings.TrimPrefix(filepath.Base(w), workPrefix))
		if err != nil {
			return err
		}
		if unlock == nil {
			continue // being built, by us or by another instance
		}
		if err := errors.Join(os.RemoveAll(w), unlock()); err != nil {
			return err
		}
	}
	tars, err := filepath.Glob(filepath.Join(b.Cache, "*.tar"))
	if err != nil {
		return err
	}
	for _, t := range tars {
		if info, err := os.Stat(t); err == nil && b.Clock().Sub(info.ModTime()) > keep {
			if err := os.Remove(t); err != nil {
				return err
			}
		}
	}
	return nil
}

const workPrefix = ".work-"

func (b *Builder) make(ctx context.Context, r Recipe, base v1.Image) (err error) {
	work := filepath.Join(b.Cache, workPrefix+r.Key())
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("remove what an earlier build left: %w", err)
	}
	// apt's own user must reach it.
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	w, err := ocitar.NewLayer(filepath.Join(work, "layer.tar.gz"))
	if err != nil {
		return err
	}
	var source string
	if len(r.Pip) > 0 {
		source, err = b.pip(ctx, r, base, work, w)
	} else {
		base = mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
		source, err = b.debian(ctx, r, work, w)
	}
	layer, cerr := w.Close()
	if err = errors.Join(err, cerr); err != nil {
		return err
	}
	img, err := assemble(r, base, layer, source)
	if err != nil {
		return err
	}
	b.progress("saving " + r.Ref)
	return ocitar.Write(b.Path(r), r.Ref, img, map[string]string{
		"org.opencontainers.image.created": b.Clock().UTC().Format(time.RFC3339),
	})
}

// assemble puts the layer on base with the recipe's configuration.
func assemble(r Recipe, base v1.Image, layer v1.Layer, source string) (v1.Image, error) {
	img, err := mutate.Append(base, mutate.Addendum{
		Layer:     layer,
		MediaType: types.OCILayerZStd,
		History:   v1.History{Created: v1.Time{Time: Epoch}, CreatedBy: "slipway: " + source},
	})
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = ocitar.Platform().OS, ocitar.Platform().Architecture
	file.Created = v1.Time{Time: Epoch}
	if r.Env != nil {
		file.Config.Env = r.Env
	}
	file.Config.Cmd = r.Cmd
	if file.Config.Labels == nil {
		file.Config.Labels = map[string]string{}
	}
	file.Config.Labels[LabelOrigin] = "built"
	file.Config.Labels[LabelSource] = source
	file.Config.Labels["org.opencontainers.image.title"] = r.Title
	delete(file.Config.Labels, LabelStandIn)
	if r.StandInFor != "" {
		file.Config.Labels[LabelStandIn] = r.StandInFor
	}
	return mutate.ConfigFile(img, file)
}

func (b *Builder) progress(s string) {
	if b.Progress != nil {
		b.Progress(s)
	}
}

// program is something to run.
type program struct {
	args           []string
	env            []string
	stdout, stderr io.Writer
}

// lines hands whole lines to a function and keeps the last ones for an error.
type lines struct {
	each func(string)
	pipe *io.PipeWriter
	done chan struct{}
	tail []string
}

func newLines(each func(string)) *lines {
	r, w := io.Pipe()
	l := &lines{each: each, pipe: w, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		s := bufio.NewScanner(r)
		for s.Scan() {
			l.each(s.Text())
			l.tail = append(l.tail, s.Text())
			if len(l.tail) > 15 {
				l.tail = l.tail[1:]
			}
		}
		_, _ = io.Copy(io.Discard, r) // a line beyond the scanner's limit
	}()
	return l
}

func (l *lines) Write(p []byte) (int, error) { return l.pipe.Write(p) }

// end adds the last lines to a program's error.
func (l *lines) end(err error) error {
	_ = l.pipe.Close()
	<-l.done
	if err == nil || len(l.tail) == 0 {
		return err
	}
	return fmt.Errorf("%w:\n  %s", err, strings.Join(l.tail, "\n  "))
}

func pause(ctx context.Context) error {
	t := time.NewTimer(300 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
