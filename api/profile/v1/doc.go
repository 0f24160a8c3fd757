// Package v1 is the contract of kubeflow.org/v1 Profile: a tenant.
//
// Its JSON is exactly upstream's, so the official clients and the dashboard's
// KFAM calls read and write it. The schema refuses what can never work; what
// depends on the cluster is answered by the controller as a condition. No logic.
//
// +kubebuilder:object:generate=true
// +groupName=kubeflow.org
package v1
