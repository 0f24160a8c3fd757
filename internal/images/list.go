package images

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Stored is an image of the store.
type Stored struct {
	Image  string `json:"image"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"` // compressed
	Title  string `json:"title,omitempty"`
	Provenance
}

// List returns every image that the caller may see, by name.
func (s *Store) List(ctx context.Context) ([]Stored, error) {
	repositories, err := remote.Catalog(ctx, s.registry, s.options(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("list the bundled registry: %w", err)
	}
	found := make([][]Stored, len(repositories))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(6)
	for i, repository := range repositories {
		g.Go(func() error {
			var err error
			found[i], err = s.listRepository(gctx, repository)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(found...)
	slices.SortFunc(out, func(a, b Stored) int { return strings.Compare(a.Image, b.Image) })
	return out, nil
}

func (s *Store) listRepository(ctx context.Context, repository string) ([]Stored, error) {
	repo := s.registry.Repo(repository)
	tags, err := remote.List(repo, s.options(ctx)...)
	if absent(err) { // a repository whose last tag is gone
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", repository, err)
	}
	var out []Stored
	for _, tag := range tags {
		if strings.HasSuffix(tag, provenanceSuffix) {
			continue
		}
		image, err := s.describe(ctx, Join(repository, tag))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Join(repository, tag), err)
		}
		out = append(out, image)
	}
	return out, nil
}

func (s *Store) describe(ctx context.Context, ref string) (Stored, error) {
	img, err := s.Image(ctx, ref)
	if err != nil {
		return Stored{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return Stored{}, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Image: ref, Digest: digest.String(), Bytes: manifest.Config.Size}
	for _, l := range manifest.Layers {
		out.Bytes += l.Size
	}
	config, err := img.ConfigFile()
	if err != nil {
		return Stored{}, err
	}
	out.Title = config.Config.Labels["org.opencontainers.image.title"]
	r, err := s.reference(ref)
	if err != nil {
		return Stored{}, err
	}
	out.Provenance, err = s.provenance(ctx, r.Context(), digest)
	return out, err
}
