package reconcile

import (
	"context"
	"time"

	"github.com/slipway-ml/slipway/internal/profiles/tenant"
)

// Options are what differs between installations.
type Options struct {
	// Tenants gives each profile a bucket and a key; nil where the administrator
	// provides buckets and the Secret mlpipeline-minio-artifact.
	Tenants Tenants
	// BucketPrefix is put before the profile's name to name its bucket.
	BucketPrefix string
	// S3Endpoint is how pods reach the store: http://host:port.
	S3Endpoint string
	S3Region   string // default blob.DefaultRegion
	// TrustBundle is PEM: the certificate authorities of the network, for pods.
	// Empty: pods keep what their image has.
	TrustBundle []byte
	// NodeCIDRs are the addresses of the nodes' own processes (kubelet, the API
	// server's proxy, the product itself), which may reach tenants' pods.
	NodeCIDRs []string
	Now       func() time.Time
}

// Tenants is the S3 store's administration: see tenant.Store.
type Tenants interface {
	Works(ctx context.Context, bucket string, key tenant.Key) (bool, error)
	Ensure(ctx context.Context, bucket string, key tenant.Key) error
	Remove(ctx context.Context, bucket, user string) error
}
