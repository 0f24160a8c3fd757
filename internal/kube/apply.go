package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Apply writes objects by server-side apply as the given field owner, in order,
// and takes over fields that somebody else changed. What the objects set is theirs;
// fields with omitempty that they leave zero stay as others have them. An object
// that is already so costs one request and no write. It stops at the first error.
func Apply(ctx context.Context, c client.Client, owner client.FieldOwner, objects ...client.Object) error {
	for _, obj := range objects {
		wanted, err := applyConfiguration(obj, c.Scheme())
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted), owner, client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s: %w", describe(wanted), err)
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

// applyConfiguration is obj with its kind, without what only the API server writes.
func applyConfiguration(obj client.Object, scheme *runtime.Scheme) (*unstructured.Unstructured, error) {
	gvk, err := apiutil.GVKForObject(obj, scheme)
	if err != nil {
		return nil, fmt.Errorf("kind of %T %s: %w", obj, obj.GetName(), err)
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(gvk)
	unstructured.RemoveNestedField(fields, "status")
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	return u, nil
}

func describe(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return fmt.Sprintf("%s %s/%s", obj.GetKind(), ns, obj.GetName())
	}
	return fmt.Sprintf("%s %s", obj.GetKind(), obj.GetName())
}
