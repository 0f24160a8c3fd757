package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Apply writes each object by server-side apply as the given field owner, taking
// over fields that somebody else changed. An object that is already so costs one
// request and no write. It stops at the first error.
func Apply(ctx context.Context, c client.Client, owner client.FieldOwner, objects ...runtime.ApplyConfiguration) error {
	for _, obj := range objects {
		if err := c.Apply(ctx, obj, owner, client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s: %w", describe(obj), err)
		}
	}
	return nil
}

// Delete deletes each object. One that does not exist is no error.
func Delete(ctx context.Context, c client.Client, objects ...client.Object) error {
	for _, obj := range objects {
		if err := client.IgnoreNotFound(c.Delete(ctx, obj)); err != nil {
			return fmt.Errorf("delete %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
		}
	}
	return nil
}

// ControllerRef is the owner reference that hands an object to the controller of
// owner: garbage collection follows it, and watches map the object back to it.
func ControllerRef(owner client.Object, scheme *runtime.Scheme) (*metav1ac.OwnerReferenceApplyConfiguration, error) {
	gvks, _, err := scheme.ObjectKinds(owner)
	if err != nil {
		return nil, fmt.Errorf("kind of owner %T: %w", owner, err)
	}
	return metav1ac.OwnerReference().
		WithAPIVersion(gvks[0].GroupVersion().String()).
		WithKind(gvks[0].Kind).
		WithName(owner.GetName()).
		WithUID(owner.GetUID()).
		WithController(true).
		WithBlockOwnerDeletion(true), nil
}

// named is what every generated apply configuration and Unstructured can say.
type named interface {
	GetKind() *string
	GetName() *string
	GetNamespace() *string
}

func describe(obj runtime.ApplyConfiguration) string {
	switch o := obj.(type) {
	case named:
		return fmt.Sprintf("%s %s/%s", deref(o.GetKind()), deref(o.GetNamespace()), deref(o.GetName()))
	case metav1.Object:
		return fmt.Sprintf("%T %s/%s", obj, o.GetNamespace(), o.GetName())
	}
	return fmt.Sprintf("%T", obj)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
