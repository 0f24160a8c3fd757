package app

import (
	"context"
	"fmt"

	"github.com/slipway-ml/slipway/internal/images"
	imagesapi "github.com/slipway-ml/slipway/internal/images/httpapi"
)

// images composes the door to the bundled registry, where there is one.
func (s *server) images(context.Context) error {
	registry := s.cfg.Server.Registry
	if registry.Endpoint == "" {
		return nil
	}
	credential, err := images.ReadCredential(registry.CredentialsFile)
	if err != nil {
		return fmt.Errorf("server.registry.credentialsFile: %w", err)
	}
	imagesapi.New(registry.Endpoint, credential).Mount(s.door.api, s.door.config)
	return nil
}
