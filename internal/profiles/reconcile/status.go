package reconcile

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/kube"
)

// saveStatus writes the one condition and, once it is saved, tells of its change.
// It is the only writer of the status; failure is what ended the reconciliation.
func (r *Reconciler) saveStatus(ctx context.Context, s *scope, failure error) error {
	switch {
	case apierrors.IsConflict(failure):
		return nil // somebody was faster; the next try, with fresh eyes, has more to say
	case failure != nil:
		s.condition = retrying(failure)
	case s.condition.Type == "":
		return nil // deleted
	}
	status := &s.profile.Status
	status.Conditions = []profilev1.ProfileCondition{s.condition}
	status.ObservedGeneration = s.profile.Generation

	if err := kube.PatchStatus(ctx, r.client, s.profile, s.before); err != nil {
		return client.IgnoreNotFound(err)
	}
	changed := !slices.Equal(status.Conditions, s.before.Status.Conditions)
	if changed && s.profile.DeletionTimestamp.IsZero() {
		r.tell(s.profile, s.condition)
	}
	return nil
}

func (r *Reconciler) tell(profile *profilev1.Profile, c profilev1.ProfileCondition) {
	kind := corev1.EventTypeWarning
	if c.Type == profilev1.Successful {
		kind = corev1.EventTypeNormal
	}
	r.events.Eventf(profile, nil, kind, string(c.Type), "Reconcile", "%s", c.Message)
}

func condition(state profilev1.ConditionType, message string) profilev1.ProfileCondition {
	return profilev1.ProfileCondition{Type: state, Status: string(corev1.ConditionTrue), Message: message}
}

func successful() profilev1.ProfileCondition {
	return condition(profilev1.Successful, "the namespace and all that belongs to it are ready")
}

func retrying(err error) profilev1.ProfileCondition {
	return condition(profilev1.Unknown, fmt.Sprintf("not finished, tried again soon: %v", err))
}

// foreignNamespace begins with upstream's words, which its clients look for.
func foreignNamespace(profile *profilev1.Profile) profilev1.ProfileCondition {
	return condition(profilev1.Failed, fmt.Sprintf(
		"namespace already exist, but not owned by profile creator %s; choose another name, or delete namespace %s", profile.Spec.Owner.Name, profile.Name))
}

func bucketTaken(bucket string) profilev1.ProfileCondition {
	return condition(profilev1.Failed, fmt.Sprintf(
		"bucket %s exists and belongs to somebody else; choose another name, or remove that bucket from the object store", bucket))
}

func namespaceTerminating(name string) profilev1.ProfileCondition {
	return condition(profilev1.Unknown, fmt.Sprintf("namespace %s is being deleted; it is made anew once that is done", name))
}

func deleting(left string) profilev1.ProfileCondition {
	return condition(profilev1.Unknown, "the profile is being deleted; left: "+left)
}
