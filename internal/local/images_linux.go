package local

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/slipway-ml/slipway/internal/images"
)

// prepareImages writes what registry and containerd start with.
func (s *supervisor) prepareImages() error {
	dir := s.dir.Path("registry")
	if _, err := images.PrepareRegistry(dir, s.plan.RegistryAddress()); err != nil {
		return err
	}
	credential, err := images.ReadCredential(images.CredentialFile(dir))
	if err != nil {
		return err
	}
	hosts := images.Hosts{Registry: s.plan.RegistryAddress(), Credential: credential, Mirror: s.cfg.Server.Listen["cluster"]}
	return images.ContainerdHosts(s.plan.CertsD(), hosts)
}

// store is the bundled registry, reached over the veth.
func (s *supervisor) store() (*images.Store, error) {
	credential, err := images.ReadCredential(images.CredentialFile(s.dir.Path("registry")))
	if err != nil {
		return nil, err
	}
	return images.NewStore(s.plan.RegistryAddress(), credential)
}

// seedImages puts what comes with Slipway into the registry, and notes which base
// images are still to come.
func (g *generation) seedImages(ctx context.Context, _ func(error)) error {
	store, err := g.store()
	if err != nil {
		return err
	}
	return store.Seed(ctx, images.Bundle{DistroDir: g.plan.Distro, AgentPath: g.agent(), Version: g.version}, time.Now())
}

// agent is the program that steps mount; it lies beside ours.
func (s *supervisor) agent() string {
	return filepath.Join(filepath.Dir(s.plan.Slipway), "slipway-agent")
}

// baseImages provides the images that steps are written against. It may take
// minutes, so it begins when all else is ready, and nothing waits for it.
func (g *generation) baseImages(ctx context.Context) {
	for g.status().State != StateReady {
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
	store, err := g.store()
	if err == nil {
		base := &images.Base{Store: store, Cache: images.DefaultCache(), Network: g.cfg.Network, Clock: time.Now, Report: g.noteImage}
		err = base.Ensure(ctx)
	}
	if err != nil && ctx.Err() == nil {
		slog.Error("base images", "error", err)
	}
}

// noteImage keeps how far an image is, for status.
func (s *supervisor) noteImage(state images.BaseState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, known := range s.images {
		if known.Image == state.Image {
			s.images[i] = state
			return
		}
	}
	s.images = append(s.images, state)
}
