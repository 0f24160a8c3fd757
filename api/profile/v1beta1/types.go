// Package v1beta1 serves kubeflow.org/v1beta1 Profile, which KFAM's clients still
// send: the schema of v1 under its older name (conversion strategy None). No logic.
//
// +kubebuilder:object:generate=true
// +groupName=kubeflow.org
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
)

// Profile is profilev1.Profile under its older version.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.spec.owner.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[-1:].type`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) >= 3 && size(self.metadata.name) <= 63",message="metadata.name: a profile's name is 3 to 63 lower-case letters, digits and '-', and begins and ends with a letter or digit"
// +kubebuilder:validation:XValidation:rule="!(self.metadata.name in ['default', 'kubeflow', 'kubeflow-system']) && !self.metadata.name.startsWith('kube-')",message="metadata.name: this name belongs to the platform, choose another"
type Profile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   profilev1.ProfileSpec   `json:"spec"`
	Status profilev1.ProfileStatus `json:"status,omitempty"`
}
