// Package kube is how Slipway writes to the Kubernetes API: server-side apply of
// what a controller owns and of the embedded manifests, and one status patch.
//
// Controllers share it. It must not know any kind of ours, nor decide anything.
package kube
