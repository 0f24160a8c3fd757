package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// selectedNode is the scheduler's choice on a claim that waits for its first consumer.
const selectedNode = "volume.kubernetes.io/selected-node"

// folders makes and removes volumes below one folder. It goes through os.Root, so that neither a name nor a symbolic link that a pod left in its
// volume can lead outside.
type folders struct {
	root *os.Root
	path string // absolute
	node string
}

var (
	_ controller.Provisioner = (*folders)(nil)
	_ controller.Qualifier   = (*folders)(nil)
)

func openFolders(path, node string) (*folders, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, err
	}
	return &folders{root: root, path: absolute, node: node}, nil
}

func (f *folders) Close() error { return f.root.Close() }

// ShouldProvision leaves the claims of other nodes alone.
func (f *folders) ShouldProvision(_ context.Context, claim *core.PersistentVolumeClaim) bool {
	node := claim.Annotations[selectedNode]
	return node == "" || node == f.node
}

func (f *folders) Provision(_ context.Context, opts controller.ProvisionOptions) (*core.PersistentVolume, controller.ProvisioningState, error) {
	claim := opts.PVC
	if claim.Spec.Selector != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("claim %s/%s has a selector, which local volumes don't know", claim.Namespace, claim.Name)
	}
	name, err := folderName(claim.Namespace, claim.Name, string(claim.UID))
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := f.root.MkdirAll(name, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// Containers write under users of their own, often without an fsGroup. Chmod, since the umask cuts what Mkdir is given.
	if err := f.root.Chmod(name, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: opts.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *opts.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			MountOptions:                  opts.StorageClass.MountOptions,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: filepath.Join(f.path, name)}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{f.node}}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder that the volume's claim was given, and no other, whatever path the volume names.
func (f *folders) Delete(_ context.Context, volume *core.PersistentVolume) error {
	claim := volume.Spec.ClaimRef
	if volume.Spec.Local == nil || claim == nil {
		return &controller.IgnoredError{Reason: "it is not a local volume of a claim"}
	}
	name, err := folderName(claim.Namespace, claim.Name, string(claim.UID))
	if err != nil {
		return err
	}
	if volume.Spec.Local.Path != filepath.Join(f.path, name) {
		return &controller.IgnoredError{Reason: fmt.Sprintf("%s is not the folder of its claim below %s", volume.Spec.Local.Path, f.path)}
	}
	return f.root.RemoveAll(name)
}

// folderName is <namespace>-<claim>-<uid>, one path element.
func folderName(namespace, claim, uid string) (string, error) {
	name := namespace + "-" + claim + "-" + uid
	if namespace == "" || claim == "" || uid == "" || filepath.Base(name) != name || !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no folder name", name)
	}
	return name, nil
}
