package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// launcherConfig is the ConfigMap of a profile that says where its outputs go.
const (
	launcherConfig = "kfp-launcher"
	rootKey        = "defaultPipelineRoot"
	rootAge        = 10 * time.Second
)

// rootCache remembers the default roots of profiles for seconds.
type rootCache struct {
	mu    sync.Mutex
	found map[string]foundRoot
}

type foundRoot struct {
	root string
	at   time.Time
}

// bucket is the profile's bucket.
func (r *Reconciler) bucket(namespace string) string { return r.BucketPrefix + namespace }

// defaultRoot is where a profile's runs leave their outputs.
func (r *Reconciler) defaultRoot(ctx context.Context, namespace string) (string, error) {
	now := r.Clock()
	r.roots.mu.Lock()
	f, ok := r.roots.found[namespace]
	r.roots.mu.Unlock()
	if ok && now.Sub(f.at) < rootAge {
		return f.root, nil
	}
	root := "s3://" + r.bucket(namespace) + "/v2/artifacts"
	cm, err := r.Kube.CoreV1().ConfigMaps(namespace).Get(ctx, launcherConfig, metav1.GetOptions{})
	switch {
	case err == nil && cm.Data[rootKey] != "":
		root = cm.Data[rootKey]
	case err != nil && !apierrors.IsNotFound(err):
		return "", fmt.Errorf("default pipeline root of profile %s: %w", namespace, err)
	}
	r.roots.mu.Lock()
	defer r.roots.mu.Unlock()
	r.roots.found[namespace] = foundRoot{root, now}
	return root, nil
}
