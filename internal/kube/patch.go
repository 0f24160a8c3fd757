package kube

import (
	"context"
	"encoding/json"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// PatchStatus writes what changed in the status since before was copied from obj.
// Nothing changed: no request. The rest of obj may differ from before: only the
// status is compared and sent.
func PatchStatus(ctx context.Context, c client.Client, obj, before client.Object) error {
	was, err := statusOf(before)
	if err != nil {
		return err
	}
	is, err := statusOf(obj)
	if err != nil {
		return err
	}
	patch, err := jsonpatch.CreateMergePatch(was, is)
	if err != nil {
		return fmt.Errorf("status patch of %T %s: %w", obj, obj.GetName(), err)
	}
	if string(patch) == "{}" {
		return nil
	}
	if err := c.Status().Patch(ctx, obj, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("patch status of %T %s: %w", obj, obj.GetName(), err)
	}
	return nil
}

// statusOf is {"status": ...} in JSON.
func statusOf(obj client.Object) ([]byte, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("status of %T %s: %w", obj, obj.GetName(), err)
	}
	return json.Marshal(map[string]any{"status": fields["status"]})
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
