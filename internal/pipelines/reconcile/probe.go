package reconcile

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ImageVolumes finds out whether the cluster mounts images as volumes, by a pod
// that is checked and not made: an API server without the feature drops the field,
// and a volume of no type is invalid.
func ImageVolumes(ctx context.Context, kube kubernetes.Interface, namespace, image string) (bool, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: namespace},
		Spec: corev1.PodSpec{
			// It exists before the cluster has made any default service account.
			ServiceAccountName: "slipway",
			Containers:         []corev1.Container{{Name: "probe", Image: image}},
			Volumes: []corev1.Volume{{Name: "image", VolumeSource: corev1.VolumeSource{
				Image: &corev1.ImageVolumeSource{Reference: image},
			}}},
		},
	}
	_, err := kube.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if apierrors.IsInvalid(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("probe for image volumes: %w", err)
	}
	return true, nil
}
