package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the version that is stored and that the controller uses.
var GroupVersion = schema.GroupVersion{Group: "kubeflow.org", Version: "v1"}

// AddToScheme registers the kinds of this package. Several packages register
// into the group kubeflow.org, each its own kinds.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Profile{}, &ProfileList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
