package v1

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Profile is a tenant: a namespace of its own with an owner, identities, quota,
// network isolation, and a bucket with its own key.
//
// The name becomes the name of the namespace and (behind the configured prefix)
// of the bucket, so it follows the stricter of both rules.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.spec.owner.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[-1:].type`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) >= 3 && size(self.metadata.name) <= 63",message="metadata.name: a profile's name is 3 to 63 lower-case letters, digits and '-', and begins and ends with a letter or digit"
// +kubebuilder:validation:XValidation:rule="!(self.metadata.name in ['default', 'kubeflow', 'kubeflow-system']) && !self.metadata.name.startsWith('kube-')",message="metadata.name: this name belongs to the platform, choose another"
type Profile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ProfileSpec   `json:"spec"`
	Status ProfileStatus `json:"status,omitempty"`
}

// ProfileList is a list of Profiles.
//
// +kubebuilder:object:root=true
type ProfileList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Profile `json:"items"`
}

// ProfileSpec says whose tenant it is and how much it may use.
type ProfileSpec struct {
	// Owner is bound to kubeflow-admin in the namespace: normally kind User with
	// the e-mail as its name. It may change: the profile then moves to the new owner.
	//
	// +kubebuilder:validation:XValidation:rule="self.kind in ['User', 'Group', 'ServiceAccount']",message="kind must be User, Group or ServiceAccount"
	// +kubebuilder:validation:XValidation:rule="size(self.name) > 0 && size(self.name) <= 253",message="name must have 1 to 253 characters"
	// +kubebuilder:validation:XValidation:rule="!self.name.startsWith('system:')",message="name must not begin with system:, which names identities of Kubernetes itself"
	// +kubebuilder:validation:XValidation:rule="self.kind != 'ServiceAccount' || has(self.namespace)",message="namespace is required for a ServiceAccount"
	// +required
	Owner rbacv1.Subject `json:"owner"`

	// Plugins of cloud identity. They are kept, not acted upon.
	//
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	Plugins []Plugin `json:"plugins,omitempty"`

	// ResourceQuotaSpec becomes the ResourceQuota kf-resource-quota when it has
	// hard limits; without, the quota is removed.
	//
	// +optional
	ResourceQuotaSpec corev1.ResourceQuotaSpec `json:"resourceQuotaSpec,omitzero"`
}

// Plugin is one entry of spec.plugins, for example kind WorkloadIdentity.
type Plugin struct {
	metav1.TypeMeta `json:",inline"`

	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Spec *runtime.RawExtension `json:"spec,omitempty"`
}

// ProfileStatus is what the controller found and did.
type ProfileStatus struct {
	// Conditions holds the one state that the profile is in now.
	//
	// +listType=atomic
	// +optional
	Conditions []ProfileCondition `json:"conditions,omitempty"`

	// ObservedGeneration is the generation that Conditions speak of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// ConditionType is upstream's: the type is the state, its status is always True.
//
// +kubebuilder:validation:Enum=Successful;Failed;Unknown
type ConditionType string

// The states of a profile.
const (
	// Successful: everything that the profile makes is there.
	Successful ConditionType = "Successful"
	// Failed: the message says what is wrong and what to do.
	Failed ConditionType = "Failed"
	// Unknown: not finished; the message says what it waits for.
	Unknown ConditionType = "Unknown"
)

// ProfileCondition has upstream's three fields and no more.
type ProfileCondition struct {
	Type    ConditionType `json:"type,omitempty"`
	Status  string        `json:"status,omitempty"`
	Message string        `json:"message,omitempty"`
}

// Finalizer is upstream's name for the profile controller's own.
const Finalizer = "profile-finalizer"
