// Package reconcile drives runs: it holds their leases, feeds the pure engine with
// what happens to pods and outcomes, commits what the engine decides, and only
// then makes and deletes pods.
//
// The protocol of an attempt (docs/adr/0003) is kept here: the attempt's row is
// committed before its pod is made; the outcome in the object store is read before
// the pod's phase is believed; an attempt without an outcome is given up only when
// its pod is confirmed gone, by writing the outcome in its place.
//
// It decides nothing about order, inputs or states: that is the engine's.
package reconcile

import (
	"context"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
)

// Store is the part of the SQL store that the reconciler needs.
type Store interface {
	// Acquire takes over unfinished runs whose lease is free or over at now.
	Acquire(ctx context.Context, owner string, now, until time.Time, limit int) ([]pipelines.Run, error)
	// Renew prolongs leases and returns the ids of those still held.
	Renew(ctx context.Context, owner string, runIDs []string, until time.Time) (kept []string, err error)
	Release(ctx context.Context, lease pipelines.Lease) error
	// Commit writes all or nothing; pipelines.ErrFenced when the lease is lost.
	Commit(ctx context.Context, lease pipelines.Lease, c pipelines.Change) error

	Run(ctx context.Context, id string) (*pipelines.Run, error)
	Tasks(ctx context.Context, runID string) ([]pipelines.Task, error)
	Attempts(ctx context.Context, runID string) ([]pipelines.Attempt, error)
	Artifacts(ctx context.Context, runID string) ([]pipelines.Artifact, error)
	// Changes yields ids of runs that this process created or asked to end.
	Changes() <-chan string
}

// Deps are what a Reconciler works with. All fields are needed.
type Deps struct {
	Store Store
	// Kube should not be rate limited on the client's side: the API server is.
	Kube    kubernetes.Interface
	Objects *blob.Profiles
	Clock   func() time.Time
	// NewID makes UUIDs.
	NewID func() string
	// Owner names this process in leases; unique among the servers of a store.
	Owner string
	// Sole says that no other server can share the store (SQLite): leases that an
	// earlier process left are taken over at once.
	Sole bool
	// BucketPrefix is config.Objects.BucketPrefix.
	BucketPrefix string
	Pods         podspec.Settings
}
