// Package cluster is what the supervisor does to an instance's Kubernetes through
// its API: the manifests, the addresses behind Services without selectors, the
// server's own credential, and waiting for the node.
//
// It must not know processes.
package cluster

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/manifests"
)

//go:embed local.yaml
var localManifests string

// Addresses are what the local manifests depend on.
type Addresses struct {
	Node string // the bridge's address
	DNS  string // of the Service kube-dns
}

// Apply writes the product's manifests and those of a local instance; folder keeps
// the latter as applied, for people to read.
func Apply(ctx context.Context, cfg *rest.Config, a Addresses, folder string) error {
	text, err := render(a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := layout.WriteFile(filepath.Join(folder, "local.yaml"), text, 0o600); err != nil {
		return err
	}
	if err := kube.ApplyManifests(ctx, cfg, manifests.FS); err != nil {
		return err
	}
	return kube.ApplyManifests(ctx, cfg, os.DirFS(folder))
}

func render(a Addresses) ([]byte, error) {
	t, err := template.New("local.yaml").Option("missingkey=error").Parse(localManifests)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, a)
	return out.Bytes(), err
}

// NodeReady is nil when the node is.
func NodeReady(ctx context.Context, client kubernetes.Interface, name string) error {
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			if c.Status == corev1.ConditionTrue {
				return nil
			}
			return fmt.Errorf("node %s is not ready: %s", name, c.Message)
		}
	}
	return fmt.Errorf("node %s has not reported yet", name)
}

// TokenValidity of the server's credential; it is renewed well before.
const TokenValidity = 24 * time.Hour

// ServerToken mints a token of the server's ServiceAccount.
func ServerToken(ctx context.Context, client kubernetes.Interface) (string, error) {
	seconds := int64(TokenValidity / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	got, err := client.CoreV1().ServiceAccounts("kubeflow").CreateToken(ctx, "slipway", request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of service account kubeflow/slipway: %w", err)
	}
	return got.Status.Token, nil
}
