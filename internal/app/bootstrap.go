package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/login/sqlstore"
	"github.com/slipway-ml/slipway/internal/proxy"
)

// adminRole is what administrators are bound to (manifests/rbac/door.yaml).
const adminRole = "slipway-admin"

// bootstrap makes the first administrator with a profile and a token file. What
// exists is left as it is, so it runs at every start.
func (s *server) bootstrap(ctx context.Context) error {
	cfg, users, kube := s.cfg.Server, s.door.users, s.manager.GetClient() // writes pass the cache by
	b := cfg.Bootstrap
	if b.Admin == "" {
		return nil
	}
	if !login.ValidUser(b.Admin) {
		return fmt.Errorf("bootstrap.admin %q: want an e-mail address in lower case", b.Admin)
	}
	if err := users.EnsureUser(ctx, b.Admin, b.Profile, time.Now()); err != nil {
		return err
	}
	subject := rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: b.Admin}
	objects := []client.Object{&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: adminRole + ":" + b.Admin},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: adminRole},
		Subjects:   []rbacv1.Subject{subject},
	}}
	if b.Profile != "" {
		objects = append(objects, &profilev1.Profile{
			ObjectMeta: metav1.ObjectMeta{Name: b.Profile}, Spec: profilev1.ProfileSpec{Owner: subject},
		})
	}
	for _, o := range objects {
		if err := kube.Create(ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
		}
	}
	s.health.add("administrator", s.administratorReady(b))
	if b.TokenFile == "" {
		return nil
	}
	secret, err := ensureTokenFile(ctx, users, b)
	if err != nil || b.Kubeconfig == "" {
		return err
	}
	return writeKubeconfig(cfg, secret)
}

// ensureTokenFile returns the file's token if it is good, else a new one that it
// writes there.
func ensureTokenFile(ctx context.Context, users *sqlstore.Store, b config.Bootstrap) (string, error) {
	data, err := os.ReadFile(b.TokenFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("token file: %w", err)
	}
	secret, now := strings.TrimSpace(string(data)), time.Now()
	if login.ValidSecret(secret) {
		token, err := users.TokenByHash(ctx, login.HashSecret(secret))
		if err == nil && token.User == b.Admin && !token.Expired(now) {
			return secret, nil
		}
		if err != nil && !errors.Is(err, login.ErrNoToken) {
			return "", err
		}
	}
	if secret, err = login.NewSecret(rand.Reader); err != nil {
		return "", err
	}
	token := login.Token{
		ID: uuid.NewString(), User: b.Admin, Name: "bootstrap (" + filepath.Base(b.TokenFile) + ")",
		Scope: login.ScopeAll, Hash: login.HashSecret(secret), CreatedAt: now,
	}
	if err := users.CreateToken(ctx, token, b.Admin); err != nil {
		return "", err
	}
	return secret, writePrivate(b.TokenFile, []byte(secret+"\n"))
}

// writeKubeconfig writes a kubeconfig that reaches Kubernetes through the console,
// in the admin's name (docs/adr/0004).
func writeKubeconfig(cfg config.Server, secret string) error {
	cluster := map[string]any{"server": cfg.URL + proxy.Prefix}
	if cfg.TLS.CertFile != "" {
		cluster["server"] = "https://" + strings.TrimPrefix(strings.TrimPrefix(cfg.URL, "https://"), "http://") + proxy.Prefix
	}
	if cfg.TLS.CAFile != "" {
		ca, err := os.ReadFile(cfg.TLS.CAFile)
		if err != nil {
			return fmt.Errorf("kubeconfig: %w", err)
		}
		cluster["certificate-authority-data"] = base64.StdEncoding.EncodeToString(ca)
	}
	named := func(key string, value any) []any { return []any{map[string]any{"name": "slipway", key: value}} }
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "slipway",
		"clusters": named("cluster", cluster),
		"users":    named("user", map[string]any{"token": secret}),
		"contexts": named("context", map[string]any{"cluster": "slipway", "user": "slipway", "namespace": cfg.Bootstrap.Profile}),
	})
	if err != nil {
		return err
	}
	return writePrivate(cfg.Bootstrap.Kubeconfig, data)
}

// writePrivate replaces a file whole, readable for its owner alone, if it differs.
func writePrivate(path string, data []byte) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm() == 0o600 {
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
			return nil
		}
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}
