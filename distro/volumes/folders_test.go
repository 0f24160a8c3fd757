package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func TestFolderLivesAsLongAsItsVolume(t *testing.T) {
	f := open(t)
	volume := provision(t, f, claim("team", "data", "u1"))
	path := filepath.Join(f.path, "team-data-u1")
	if volume.Spec.Local.Path != path {
		t.Fatalf("path %s, want %s", volume.Spec.Local.Path, path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
		t.Fatalf("the folder must be there and writable by any user: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time as after a crash between the folder and the object
		if err := f.Delete(context.Background(), volume); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("the folder is still there: %v", err)
	}
}

func TestNothingOutsideIsTouched(t *testing.T) {
	f := open(t)
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("a name with separators is refused", func(t *testing.T) {
		opts := options(claim("team", "../../data", "u1"))
		if _, _, err := f.Provision(context.Background(), opts); err == nil {
			t.Fatal("accepted")
		}
	})
	t.Run("a volume that names another folder is ignored", func(t *testing.T) {
		volume := provision(t, f, claim("team", "data", "u2"))
		volume.Spec.Local.Path = outside
		if err := f.Delete(context.Background(), volume); !errors.As(err, new(*controller.IgnoredError)) {
			t.Fatalf("got %v, want an IgnoredError", err)
		}
	})
	t.Run("links in a volume are removed, not followed", func(t *testing.T) {
		volume := provision(t, f, claim("team", "data", "u3"))
		if err := os.Symlink(outside, filepath.Join(volume.Spec.Local.Path, "link")); err != nil {
			t.Fatal(err)
		}
		if err := f.Delete(context.Background(), volume); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(precious); err != nil {
		t.Fatal(err)
	}
}

func TestClaimsOfOtherNodesAreLeftAlone(t *testing.T) {
	f := open(t)
	for node, want := range map[string]bool{"": true, "here": true, "there": false} {
		c := claim("team", "data", "u1")
		c.Annotations = map[string]string{selectedNode: node}
		if got := f.ShouldProvision(context.Background(), c); got != want {
			t.Errorf("node %q: %v, want %v", node, got, want)
		}
	}
}

func open(t *testing.T) *folders {
	t.Helper()
	f, err := openFolders(filepath.Join(t.TempDir(), "volumes"), "here")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func claim(namespace, name, uid string) *core.PersistentVolumeClaim {
	return &core.PersistentVolumeClaim{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(uid)}}
}

func options(claim *core.PersistentVolumeClaim) controller.ProvisionOptions {
	reclaim := core.PersistentVolumeReclaimDelete
	return controller.ProvisionOptions{PVName: "pvc-" + string(claim.UID), PVC: claim, StorageClass: &storage.StorageClass{ReclaimPolicy: &reclaim}}
}

// provision also sets the claim's reference, as the library does.
func provision(t *testing.T, f *folders, claim *core.PersistentVolumeClaim) *core.PersistentVolume {
	t.Helper()
	volume, state, err := f.Provision(context.Background(), options(claim))
	if err != nil || state != controller.ProvisioningFinished {
		t.Fatalf("%s: %v", state, err)
	}
	volume.Spec.ClaimRef = &core.ObjectReference{Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID}
	return volume
}
