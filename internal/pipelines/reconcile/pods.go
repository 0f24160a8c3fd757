package reconcile

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/userpod"
)

// podInformer watches the pods made for users, and no others.
func (r *Reconciler) podInformer() cache.SharedIndexInformer {
	factory := informers.NewSharedInformerFactoryWithOptions(r.Kube, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.LabelSelector = userpod.PartOf + "=" + userpod.PartOfUser + "," + podspec.LabelRun
		}),
		informers.WithTransform(slim))
	informer := factory.Core().V1().Pods().Informer()
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    r.podChanged,
		UpdateFunc: func(_, now any) { r.podChanged(now) },
		DeleteFunc: r.podChanged,
	})
	return informer
}

// slim leaves of a cached pod what we read: a step's spec alone is up to 64 KiB.
func slim(obj any) (any, error) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return obj, nil
	}
	pod.ManagedFields = nil
	spec := corev1.PodSpec{NodeName: pod.Spec.NodeName}
	for _, c := range pod.Spec.Containers {
		spec.Containers = append(spec.Containers, corev1.Container{Name: c.Name, Image: c.Image, Resources: c.Resources})
	}
	pod.Spec = spec
	return pod, nil
}

// podChanged wakes the attempt that the pod belongs to, if it is one of ours.
func (r *Reconciler) podChanged(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	if key, ok := keyOf(pod); ok && r.run(key.run) != nil {
		r.attempts.Add(key)
	}
}

func keyOf(pod *corev1.Pod) (attemptKey, bool) {
	number, err := strconv.Atoi(pod.Labels[podspec.LabelAttempt])
	key := attemptKey{run: pod.Labels[podspec.LabelRun], task: pod.Labels[podspec.LabelTask], number: number}
	return key, err == nil && key.run != "" && key.task != ""
}

// cachedPod is the pod as the watch last told; nil: it knows none.
func (r *Reconciler) cachedPod(namespace, name string) (*corev1.Pod, error) {
	obj, ok, err := r.pods.GetStore().GetByKey(namespace + "/" + name)
	if err != nil || !ok {
		return nil, err
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("the cache holds a %T for pod %s/%s", obj, namespace, name)
	}
	return pod, nil
}

// over reports whether nothing of the step's command can run any more.
func over(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return true
	}
	main := mainStatus(pod)
	return main != nil && main.State.Terminated != nil
}

func mainStatus(pod *corev1.Pod) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == podspec.MainContainer {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}
