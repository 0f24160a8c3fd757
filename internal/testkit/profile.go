package testkit

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
)

// ProfileBuilder builds a Profile: testkit.Profile("team-a").Quota("cpu", "4").Obj().
type ProfileBuilder struct{ profile profilev1.Profile }

// Profile of a name, owned by the user <name>@example.com.
func Profile(name string) *ProfileBuilder {
	return &ProfileBuilder{profilev1.Profile{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: profilev1.ProfileSpec{
			Owner: rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name + "@example.com"},
		},
	}}
}

// Owner is another subject than the user of the same name.
func (b *ProfileBuilder) Owner(kind, name string) *ProfileBuilder {
	b.profile.Spec.Owner.Kind, b.profile.Spec.Owner.Name = kind, name
	return b
}

// Quota limits one resource, for example ("requests.cpu", "4").
func (b *ProfileBuilder) Quota(name corev1.ResourceName, quantity string) *ProfileBuilder {
	if b.profile.Spec.ResourceQuotaSpec.Hard == nil {
		b.profile.Spec.ResourceQuotaSpec.Hard = corev1.ResourceList{}
	}
	b.profile.Spec.ResourceQuotaSpec.Hard[name] = resource.MustParse(quantity)
	return b
}

// UID is normally the API server's to give.
func (b *ProfileBuilder) UID(uid types.UID) *ProfileBuilder {
	b.profile.UID = uid
	return b
}

// Obj is a copy of what was built.
func (b *ProfileBuilder) Obj() *profilev1.Profile { return b.profile.DeepCopy() }
