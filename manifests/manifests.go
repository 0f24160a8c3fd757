// Package manifests holds what a cluster needs before the server starts: CRDs
// (generated from api/), namespaces, the ClusterRoles that tenants are bound to,
// the server's own identity and rights, and the Services that clients know.
//
// internal/kube applies them; the folders only group them for the reader. It must
// not know who applies them, nor hold anything that differs between clusters:
// EndpointSlices of the selectorless Services are the installer's.
package manifests

import "embed"

// FS holds YAML files of one or several documents.
//
//go:embed admission crds namespaces rbac services
var FS embed.FS
