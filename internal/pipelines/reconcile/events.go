package reconcile

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// byPod indexes events by the pod that they are about.
const byPod = "pod"

// warningInformer watches what goes wrong with pods before their containers run.
// Asking for one pod's events would have the API server read all of them each time;
// what a pod's status says anyway is left out.
func (r *Reconciler) warningInformer() (cache.SharedIndexInformer, error) {
	selector := fields.AndSelectors(
		fields.OneTermEqualSelector("type", corev1.EventTypeWarning),
		fields.OneTermEqualSelector("involvedObject.kind", "Pod"),
		fields.OneTermNotEqualSelector("reason", "FailedScheduling"),
		fields.OneTermNotEqualSelector("reason", "Unhealthy"),
		fields.OneTermNotEqualSelector("reason", "BackOff"),
	).String()
	factory := informers.NewSharedInformerFactoryWithOptions(r.Kube, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.FieldSelector = selector }),
		informers.WithTransform(func(obj any) (any, error) {
			if e, ok := obj.(*corev1.Event); ok {
				e.ManagedFields = nil
			}
			return obj, nil
		}))
	informer := factory.Core().V1().Events().Informer()
	err := informer.AddIndexers(cache.Indexers{byPod: func(obj any) ([]string, error) {
		e, ok := obj.(*corev1.Event)
		if !ok {
			return nil, fmt.Errorf("the cache of events holds a %T", obj)
		}
		return []string{string(e.InvolvedObject.UID)}, nil
	}})
	return informer, err
}

// warningsOf are the warnings about a pod.
func (r *Reconciler) warningsOf(pod *corev1.Pod) ([]corev1.Event, error) {
	found, err := r.warnings.GetIndexer().ByIndex(byPod, string(pod.UID))
	if err != nil {
		return nil, err
	}
	events := make([]corev1.Event, 0, len(found))
	for _, obj := range found {
		if e, ok := obj.(*corev1.Event); ok {
			events = append(events, *e)
		}
	}
	return events, nil
}
