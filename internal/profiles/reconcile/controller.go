package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
)

const (
	// fieldOwner owns the fields of everything that a profile makes.
	fieldOwner client.FieldOwner = "slipway-profiles"
	// resync finds what no watch tells: a changed Secret (Secrets are never
	// watched), a lost bucket.
	resync = 10 * time.Minute
	// retryMin and retryMax bound the waits between tries that fail. A minute: what
	// waits for a store or for its deletion goes on soon after it can.
	retryMin, retryMax = 100 * time.Millisecond, time.Minute
	// workers bounds how many profiles are set up or torn down at once: emptying
	// one large bucket must not hold up the others.
	workers = 4
)

// Reconciler is the Profile controller.
type Reconciler struct {
	client  client.Client
	reader  client.Reader // uncached
	events  events.EventRecorder
	options Options
}

// New makes a Reconciler. reader reads past the cache: Secrets are never cached.
func New(c client.Client, reader client.Reader, recorder events.EventRecorder, options Options) *Reconciler {
	options.S3Region = cmp.Or(options.S3Region, blob.DefaultRegion)
	return &Reconciler{client: c, reader: reader, events: recorder, options: options}
}

// SetupWithManager runs a Reconciler in mgr. It watches the metadata of what
// profiles own, so that whatever somebody deletes or changes is put back.
func SetupWithManager(mgr manager.Manager, options Options) error {
	b := builder.ControllerManagedBy(mgr).
		Named("profile").
		For(&profilev1.Profile{}).
		// By name, not by owner: a namespace that stood in the way counts too.
		Watches(&corev1.Namespace{}, &handler.EnqueueRequestForObject{}, builder.OnlyMetadata).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryMin, retryMax),
		})
	for _, owned := range []client.Object{
		&corev1.ServiceAccount{}, &corev1.ConfigMap{}, &corev1.ResourceQuota{}, &corev1.LimitRange{},
		&rbacv1.RoleBinding{}, &networkingv1.NetworkPolicy{},
	} {
		b = b.Owns(owned, builder.OnlyMetadata)
	}
	r := New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("profile-controller"), options)
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("set up the profile controller: %w", err)
	}
	return nil
}

// Reconcile brings one profile to what its spec says.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (result reconcile.Result, err error) {
	profile := &profilev1.Profile{}
	if err := r.client.Get(ctx, req.NamespacedName, profile); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	s := newScope(profile)
	defer func() { err = errors.Join(err, r.saveStatus(ctx, s, err)) }()

	if !profile.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, s)
	}
	if err := kube.AddFinalizer(ctx, r.client, profile, profilev1.Finalizer); err != nil {
		return reconcile.Result{}, err
	}
	if err := r.gather(ctx, s); err != nil {
		return reconcile.Result{}, err
	}
	if err := r.apply(ctx, s, decide(profile, s.found, r.options)); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: resync}, nil
}

// apply carries out a plan. The key goes to the store before it goes to the pods:
// a crash between the two costs one more key, never one that does not work.
func (r *Reconciler) apply(ctx context.Context, s *scope, p plan) error {
	s.condition = p.condition
	if err := kube.Apply(ctx, r.client, fieldOwner, p.objects...); err != nil {
		return err
	}
	if err := kube.Delete(ctx, r.client, p.remove...); err != nil {
		return err
	}
	if p.tenancy == nil {
		return nil
	}
	if p.tenancy.grant {
		err := r.options.Tenants.Ensure(ctx, p.tenancy.bucket, p.tenancy.key)
		if errors.Is(err, tenant.ErrTaken) {
			s.condition = bucketTaken(p.tenancy.bucket)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return kube.Apply(ctx, r.client, fieldOwner, p.tenancy.secret)
}
