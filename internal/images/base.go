package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images/build"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// Base are the images that steps are written against, and how to get them.
type Base struct {
	// Store receives them; nil fills the cache alone.
	Store *Store
	// Cache is the folder of images built on this machine, shared by its instances.
	Cache   string
	Network config.Network
	Clock   func() time.Time
	// Report is told each change of an image's state, from one goroutine at a time.
	Report func(BaseState)
}

// BaseState is how far an image is.
type BaseState struct {
	Image string    `json:"image"`
	Phase BasePhase `json:"phase"`
	// Detail says what is being done, or why it failed.
	Detail string `json:"detail,omitempty"`
}

// BasePhase is a word for people and programs.
type BasePhase string

// Phases of a base image.
const (
	Waiting  BasePhase = "waiting"
	Pulling  BasePhase = "pulling"
	Building BasePhase = "building"
	Storing  BasePhase = "storing"
	Ready    BasePhase = "ready"
	Failed   BasePhase = "failed"
)

// BaseImages are the names that Ensure provides, in its order.
func BaseImages() []string {
	var out []string
	for _, i := range baseImages() {
		out = append(out, i.ref)
	}
	return out
}

type baseImage struct {
	ref string
	// recipe builds it upon the image base ("" is none), when it can't be pulled.
	recipe func(base string) build.Recipe
	base   string
	own    bool // no outside registry has it
}

func baseImages() []baseImage {
	python := func(string) build.Recipe { return build.Python() }
	shell := func(ref string) baseImage {
		return baseImage{ref: ref, recipe: func(string) build.Recipe { return build.BusyBox(ref) }}
	}
	return []baseImage{
		{ref: Python, recipe: python},
		{ref: Examples, recipe: build.Examples, base: Python, own: true},
		{ref: Python + "-slim", recipe: python},
		shell("docker.io/library/busybox:latest"),
		shell("docker.io/library/alpine:latest"),
	}
}

// Ensure provides every base image: from the store, from an outside registry that
// answers within seconds, from the cache, or built here. It goes on after a
// failure and returns all of them.
func (b *Base) Ensure(ctx context.Context) error {
	outside, err := NewOutside(b.Network, nil)
	if err != nil {
		return err
	}
	all := baseImages()
	for _, i := range all {
		b.report(i.ref, Waiting, "")
	}
	var failures error
	reachable := true
	for _, i := range all {
		err := b.ensure(ctx, i, outside, &reachable)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.report(i.ref, Failed, err.Error())
			failures = errors.Join(failures, err)
			continue
		}
		b.report(i.ref, Ready, "")
	}
	return failures
}

func (b *Base) ensure(ctx context.Context, i baseImage, outside *Outside, reachable *bool) error {
	if b.Store != nil {
		if _, ok, err := b.Store.Digest(ctx, i.ref); err != nil || ok {
			return err
		}
		if !i.own && *reachable {
			b.report(i.ref, Pulling, "asking its registry")
			err := b.Store.Pull(ctx, outside, i.ref, b.Clock())
			if err == nil {
				return nil
			}
			// All of them lie on one registry: it is asked once.
			*reachable = !errors.Is(err, ErrUnreachable)
			b.report(i.ref, Pulling, err.Error())
		}
	}
	return b.provide(ctx, i)
}

// provide stores an image that was built here, now or before.
func (b *Base) provide(ctx context.Context, i baseImage) (err error) {
	var under v1.Image
	digest := ""
	if i.base != "" {
		image, done, err := b.under(ctx, i.base)
		if err != nil {
			return fmt.Errorf("%s needs %s: %w", i.ref, i.base, err)
		}
		defer done()
		h, err := image.Digest()
		if err != nil {
			return err
		}
		under, digest = image, h.String()
	}
	recipe := i.recipe(digest)
	builder := b.builder(i.ref)
	if !builder.Cached(recipe) {
		b.report(i.ref, Building, "")
	}
	file, err := builder.Build(ctx, recipe, under)
	if err != nil || b.Store == nil {
		return err
	}
	b.report(i.ref, Storing, "")
	return b.Store.loadBuilt(ctx, file, i.ref)
}

func (b *Base) builder(ref string) *build.Builder {
	return &build.Builder{
		Cache: b.Cache, Network: b.Network, Clock: b.Clock,
		Progress: func(s string) { b.report(ref, Building, s) },
	}
}

// under opens the image that another one is built upon.
func (b *Base) under(ctx context.Context, ref string) (v1.Image, func(), error) {
	if b.Store != nil {
		img, err := b.Store.Image(ctx, ref)
		return img, func() {}, err
	}
	a, err := ocitar.Open(b.builder(ref).Path(build.Python()))
	if err != nil {
		return nil, nil, err
	}
	return a.Entries[0].Image, func() { _ = a.Close() }, nil
}

// loadBuilt stores a file of the builder's with what its labels say.
func (s *Store) loadBuilt(ctx context.Context, file, ref string) error {
	a, err := ocitar.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	entry := a.Entries[0]
	config, err := entry.Image.ConfigFile()
	if err != nil {
		return err
	}
	p := Provenance{Origin: Built, Source: config.Config.Labels[build.LabelSource], StandInFor: config.Config.Labels[build.LabelStandIn]}
	if t, err := time.Parse(time.RFC3339, entry.Annotations["org.opencontainers.image.created"]); err == nil {
		p.Time = t
	}
	return s.Push(ctx, ref, entry.Image, p)
}

func (b *Base) report(ref string, phase BasePhase, detail string) {
	if b.Report != nil {
		b.Report(BaseState{Image: ref, Phase: phase, Detail: detail})
	}
}

// DefaultCache is where built images are kept: images in $SLIPWAY_CACHE, or in
// ~/.cache/slipway.
func DefaultCache() string {
	dir := os.Getenv("SLIPWAY_CACHE")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = "/root"
		}
		dir = filepath.Join(home, ".cache", "slipway")
	}
	return filepath.Join(dir, "images")
}
