package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/profiles/httpapi"
	"github.com/slipway-ml/slipway/internal/profiles/reconcile"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
)

// profiles composes the Profile controller.
func (s *server) profiles(context.Context) error {
	objects := s.cfg.Server.Objects
	options := reconcile.Options{
		BucketPrefix: objects.BucketPrefix, S3Endpoint: podEndpoint(objects), S3Region: objects.Region,
		NodeCIDRs: nodeCIDRs(s.cfg.Server), Now: time.Now,
	}
	if file := s.cfg.Network.TrustBundle; file != "" {
		bundle, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("network.trustBundle: %w", err)
		}
		options.TrustBundle = bundle
	}
	switch objects.Admin {
	case "":
	case "versitygw":
		admin, err := adminOf(objects)
		if err != nil {
			return err
		}
		store, err := tenant.Open(admin)
		if err != nil {
			return err
		}
		options.Tenants = store
	default:
		return fmt.Errorf("server.objects.admin %q: versitygw or nothing", objects.Admin)
	}
	api := &httpapi.API{Profiles: s.manager.GetClient()}
	api.Mount(s.door.api)
	return reconcile.SetupWithManager(s.manager, options)
}

// adminOf is the store as its administrator sees it.
func adminOf(objects config.Objects) (blob.Config, error) {
	data, err := os.ReadFile(objects.CredentialsFile)
	if err != nil {
		return blob.Config{}, fmt.Errorf("server.objects.credentialsFile: %w", err)
	}
	var key struct {
		AccessKey string `json:"accessKey"`
		SecretKey string `json:"secretKey"`
	}
	if err := json.Unmarshal(data, &key); err != nil {
		return blob.Config{}, fmt.Errorf("%s: %w", objects.CredentialsFile, err)
	}
	return blob.Config{Endpoint: objects.Endpoint, Region: objects.Region, AccessKey: key.AccessKey, SecretKey: key.SecretKey}, nil
}

func podEndpoint(objects config.Objects) string {
	if objects.PodEndpoint != "" {
		return objects.PodEndpoint
	}
	return objects.Endpoint
}

// nodeCIDRs is the address that pods know the node by: the cluster listener's.
func nodeCIDRs(cfg config.Server) []string {
	address, err := netip.ParseAddrPort(cfg.Listen["cluster"])
	if err != nil || address.Addr().IsUnspecified() {
		return nil
	}
	return []string{netip.PrefixFrom(address.Addr(), address.Addr().BitLen()).String()}
}

// profileOf is a user's home where the record of users names none: the oldest
// profile that they own.
func (s *server) profileOf(ctx context.Context, user string) (string, error) {
	profiles := &profilev1.ProfileList{}
	if err := s.manager.GetClient().List(ctx, profiles); err != nil {
		return "", err
	}
	var home *profilev1.Profile
	for i := range profiles.Items {
		p := &profiles.Items[i]
		if p.Spec.Owner.Kind != rbacv1.UserKind || p.Spec.Owner.Name != user {
			continue
		}
		if home == nil || p.CreationTimestamp.Before(&home.CreationTimestamp) {
			home = p
		}
	}
	if home == nil {
		return "", nil
	}
	return home.Name, nil
}
