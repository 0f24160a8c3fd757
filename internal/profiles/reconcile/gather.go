package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
	"github.com/slipway-ml/slipway/internal/userpod"
)

// scope is one reconciliation.
type scope struct {
	profile *profilev1.Profile
	before  *profilev1.Profile // as it was read, for the status patch
	found   found
	// condition is what the status will say unless an error says otherwise.
	condition profilev1.ProfileCondition
}

// found is what is there, and all that deciding needs to know of it.
type found struct {
	// namespace of the profile's name; nil: none.
	namespace *corev1.Namespace
	// key to the profile's bucket: the one in use or, where that does not open the
	// bucket, a fresh one that the store does not know yet.
	key      tenant.Key
	keyWorks bool
}

func newScope(profile *profilev1.Profile) *scope {
	return &scope{profile: profile, before: profile.DeepCopy()}
}

// gather fills s.found.
func (r *Reconciler) gather(ctx context.Context, s *scope) error {
	namespace := &corev1.Namespace{}
	err := r.reader.Get(ctx, types.NamespacedName{Name: s.profile.Name}, namespace)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get namespace %s: %w", s.profile.Name, err)
	}
	if err == nil {
		s.found.namespace = namespace
	}
	if r.options.Tenants == nil {
		return nil
	}
	return r.gatherKey(ctx, s)
}

func (r *Reconciler) gatherKey(ctx context.Context, s *scope) error {
	secret := &corev1.Secret{}
	err := r.reader.Get(ctx, types.NamespacedName{Namespace: s.profile.Name, Name: userpod.KeySecret}, secret)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get secret %s/%s: %w", s.profile.Name, userpod.KeySecret, err)
	}
	key := tenant.Key{Access: user(s.profile), Secret: string(secret.Data[userpod.KeySecretKey])}
	if key.Secret != "" {
		// The Secret is the tenant's to write: what it holds counts only if it works.
		s.found.keyWorks, err = r.options.Tenants.Works(ctx, r.options.bucket(s.profile), key)
		if err != nil {
			return err
		}
	}
	if !s.found.keyWorks {
		key.Secret = rand.Text()
	}
	s.found.key = key
	return nil
}

// bucket of a profile.
func (o Options) bucket(profile *profilev1.Profile) string { return o.BucketPrefix + profile.Name }

// user of the S3 store for a profile. A later profile of the same name is another
// user, and so cannot open a bucket that this one left behind.
func user(profile *profilev1.Profile) string {
	return fmt.Sprintf("%s-%.8s", profile.Name, profile.UID)
}
