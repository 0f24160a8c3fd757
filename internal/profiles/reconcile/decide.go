package reconcile

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
)

// plan is what is to be done, and what the status will say once it is done.
type plan struct {
	condition profilev1.ProfileCondition
	objects   []client.Object // to apply, in this order
	remove    []client.Object
	tenancy   *tenancy // nil: nothing to do with the store
}

// tenancy is the profile's bucket and the key to it.
type tenancy struct {
	bucket string
	key    tenant.Key
	grant  bool          // the store does not know the key yet
	secret client.Object // gives the key to pods
}

// decide says what a profile needs, given what was found.
func decide(profile *profilev1.Profile, found found, options Options) plan {
	if condition, blocked := blocked(profile, found.namespace); blocked {
		return plan{condition: condition}
	}
	p := plan{condition: successful()}
	p.apply(
		namespace(profile),
		serviceAccount(profile, editor), serviceAccount(profile, viewer),
		ownerBinding(profile), accountBinding(profile, editor), accountBinding(profile, viewer),
		networkPolicy(profile, options.NodeCIDRs),
		launcherConfig(profile, options),
	)
	p.applyIf(len(profile.Spec.ResourceQuotaSpec.Hard) > 0, quota(profile))
	p.applyIf(needsDefaults(profile.Spec.ResourceQuotaSpec.Hard), limitRange(profile))
	p.applyIf(len(options.TrustBundle) > 0, trustConfig(profile, options.TrustBundle))
	if options.Tenants != nil {
		p.tenancy = &tenancy{
			bucket: options.bucket(profile), key: found.key, grant: !found.keyWorks,
			secret: keySecret(profile, found.key),
		}
		own(profile, p.tenancy.secret)
	}
	for _, obj := range p.objects {
		own(profile, obj)
	}
	return p
}

func (p *plan) apply(objects ...client.Object) { p.objects = append(p.objects, objects...) }

// applyIf applies an object that may also have to go.
func (p *plan) applyIf(wanted bool, obj client.Object) {
	if wanted {
		p.objects = append(p.objects, obj)
	} else {
		p.remove = append(p.remove, obj)
	}
}

// blocked says why nothing may be written to the profile's namespace, if so.
func blocked(profile *profilev1.Profile, ns *corev1.Namespace) (profilev1.ProfileCondition, bool) {
	switch {
	case ns == nil:
		return profilev1.ProfileCondition{}, false
	case !mayTake(profile, ns):
		return foreignNamespace(profile), true
	case !ns.DeletionTimestamp.IsZero():
		return namespaceTerminating(ns.Name), true
	}
	return profilev1.ProfileCondition{}, false
}

// mayTake reports whether a namespace that exists is this profile's: it made it,
// or nobody controls it and it is marked as the same owner's, as upstream has it.
func mayTake(profile *profilev1.Profile, ns *corev1.Namespace) bool {
	if controller := metav1.GetControllerOfNoCopy(ns); controller != nil {
		return controller.UID == profile.UID
	}
	return ns.Annotations[ownerAnnotation] == profile.Spec.Owner.Name
}

// own marks an object as the profile's: deleted with it, watched for it.
func own(profile *profilev1.Profile, obj client.Object) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["app.kubernetes.io/managed-by"] = "slipway"
	labels[partOfLabel] = partOfProfile
	obj.SetLabels(labels)
	controller := metav1.NewControllerRef(profile, profilev1.GroupVersion.WithKind("Profile"))
	obj.SetOwnerReferences([]metav1.OwnerReference{*controller})
}
