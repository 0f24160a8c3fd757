package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// PatchStatus writes what changed in the status since before was copied from obj,
// and says whether anything did. Nothing changed: no request.
func PatchStatus(ctx context.Context, c client.Client, obj, before client.Object) (changed bool, err error) {
	patch := client.MergeFrom(before)
	data, err := patch.Data(obj)
	if err != nil {
		return false, fmt.Errorf("status patch of %T %s: %w", obj, obj.GetName(), err)
	}
	if string(data) == "{}" {
		return false, nil
	}
	if err := c.Status().Patch(ctx, obj, client.RawPatch(types.MergePatchType, data)); err != nil {
		return false, fmt.Errorf("patch status of %T %s: %w", obj, obj.GetName(), err)
	}
	return true, nil
}

// AddFinalizer makes sure that obj carries the finalizer, in the API server and
// in obj. A change by somebody else in between is a conflict error.
func AddFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string) error {
	return patchFinalizer(ctx, c, obj, finalizer, controllerutil.AddFinalizer)
}

// RemoveFinalizer takes the finalizer from obj: the API server may then let it go.
func RemoveFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string) error {
	return patchFinalizer(ctx, c, obj, finalizer, controllerutil.RemoveFinalizer)
}

func patchFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string, change func(client.Object, string) bool) error {
	before, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object with metadata", obj)
	}
	if !change(obj, finalizer) {
		return nil
	}
	// A merge patch replaces the whole list of finalizers, hence the lock.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := client.IgnoreNotFound(c.Patch(ctx, obj, patch)); err != nil {
		return fmt.Errorf("finalizer of %T %s: %w", obj, obj.GetName(), err)
	}
	return nil
}
