package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/blob"
)

// transfers is how many objects are moved at once; each holds about 100 KB.
const transfers = 4

// fetchInputs downloads every input artifact to its local path.
func (s *step) fetchInputs(ctx context.Context) error {
	for name, list := range s.input.Inputs.Artifacts {
		for _, a := range list.Artifacts {
			if err := s.fetch(ctx, a); err != nil {
				return fmt.Errorf("input artifact %s: %w", name, err)
			}
		}
	}
	return nil
}

// fetch downloads an artifact: the object of its key, else all objects below it as
// a directory. One that was never written is no error: metrics often have no file.
func (s *step) fetch(ctx context.Context, a runtimeArtifact) error {
	if artifact.LocalPath(a.URI) == a.URI {
		return nil // not an object: the URI itself is the path
	}
	uri, ok := objectURI(a.URI)
	if !ok {
		return &stepError{message: fmt.Sprintf("%s cannot be fetched: s3:// and minio:// are supported", a.URI)}
	}
	err := s.fetchObject(ctx, uri.Bucket, uri.Key, a.path())
	if err == nil || !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return s.fetchTree(ctx, uri.Bucket, uri.Key+"/", a.path())
}

// objectURI parses the URI of something in the object store.
func objectURI(s string) (uri artifact.URI, ok bool) {
	uri, err := artifact.ParseURI(s)
	return uri, err == nil && (uri.Scheme == "s3" || uri.Scheme == "minio")
}

func (s *step) fetchTree(ctx context.Context, bucket, prefix, dir string) error {
	var keys []string
	err := s.retry(ctx, func(ctx context.Context) error {
		keys = keys[:0]
		for info, err := range s.store.List(ctx, bucket, prefix) {
			if err != nil {
				return err
			}
			if !strings.HasSuffix(info.Key, "/") {
				keys = append(keys, info.Key)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for _, key := range keys {
		rel := filepath.FromSlash(strings.TrimPrefix(key, prefix))
		if !filepath.IsLocal(rel) {
			return &stepError{message: fmt.Sprintf("s3://%s/%s leads out of the artifact's directory", bucket, key)}
		}
		g.Go(func() error { return s.fetchObject(ctx, bucket, key, filepath.Join(dir, rel)) })
	}
	return g.Wait()
}

func (s *step) fetchObject(ctx context.Context, bucket, key, path string) error {
	return s.retry(ctx, func(ctx context.Context) error {
		body, _, err := s.store.Get(ctx, bucket, key)
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		return writeFile(path, body)
	})
}

func writeFile(path string, r io.Reader) error {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return local(err)
	}
	if _, err = io.Copy(f, r); err != nil {
		_ = f.Close()
		return localOnly(err)
	}
	if err := f.Close(); err != nil {
		return local(err)
	}
	return nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return local(err)
	}
	return nil
}

// local marks an error of the container's file system as the step's own: trying
// again does not help.
func local(err error) error {
	return &stepError{message: "the container cannot write: " + err.Error()}
}

// localOnly is local for a copy, which can fail on either side.
func localOnly(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return local(err)
	}
	return err
}
