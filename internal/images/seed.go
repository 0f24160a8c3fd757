package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-ml/slipway/internal/images/build"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// Bundle is what comes with Slipway.
type Bundle struct {
	// DistroDir holds pause.tar.
	DistroDir string
	// AgentPath is the slipway-agent program, and Version the one it is of.
	AgentPath, Version string
}

// Seed puts the bundled images into the store: pause, and the agent that steps
// mount. Images that are there are left.
func (s *Store) Seed(ctx context.Context, b Bundle, now time.Time) error {
	came := Provenance{Origin: Bundled, Source: "Slipway " + b.Version, Time: now}
	if _, ok, err := s.Digest(ctx, Pause); err != nil {
		return err
	} else if !ok {
		if err := s.loadFirst(ctx, filepath.Join(b.DistroDir, "pause.tar"), Pause, came); err != nil {
			return err
		}
	}
	ref, err := AgentImage(b.Version, b.AgentPath)
	if err != nil {
		return err
	}
	if _, ok, err := s.Digest(ctx, ref); err != nil || ok {
		return err
	}
	agent, cleanup, err := agentImage(b.AgentPath)
	if err != nil {
		return fmt.Errorf("agent image: %w", err)
	}
	defer cleanup()
	return s.Push(ctx, ref, agent, came)
}

// loadFirst stores the first image of an archive under ref.
func (s *Store) loadFirst(ctx context.Context, file, ref string, p Provenance) error {
	a, err := ocitar.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(s.Push(ctx, ref, a.Entries[0].Image, p), a.Close())
}

// agentImage is a one-layer image of the program, the same for the same program.
func agentImage(program string) (img v1.Image, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "slipway-agent-")
	if err != nil {
		return nil, nil, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			cleanup()
		}
	}()
	layer, err := agentLayer(program, filepath.Join(dir, "layer.tar.gz"))
	if err != nil {
		return nil, nil, err
	}
	img = mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayerZStd, History: v1.History{Created: v1.Time{Time: build.Epoch}}})
	if err != nil {
		return nil, nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = ocitar.Platform().OS, ocitar.Platform().Architecture
	file.Created = v1.Time{Time: build.Epoch}
	file.Config.Entrypoint = []string{"/slipway-agent"}
	file.Config.Labels = map[string]string{"org.opencontainers.image.title": "slipway-agent, mounted into steps"}
	img, err = mutate.ConfigFile(img, file)
	return img, cleanup, err
}

func agentLayer(program, out string) (_ v1.Layer, err error) {
	f, err := os.Open(program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	w, err := ocitar.NewLayer(out)
	if err != nil {
		return nil, err
	}
	tw := tar.NewWriter(w)
	err = tw.WriteHeader(&tar.Header{Name: "slipway-agent", Mode: 0o755, Size: info.Size(), ModTime: build.Epoch, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.Copy(tw, f)
	}
	err = errors.Join(err, tw.Close())
	layer, cerr := w.Close()
	return layer, errors.Join(err, cerr)
}
