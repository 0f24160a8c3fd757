// Package blob is the S3 store as the rest of the product sees it: buckets of
// objects, a create-only put, streaming with bounded memory, and one set of
// errors. It is shared by the server and by slipway-agent.
//
// It knows no Kubernetes, no pipeline and no layout of keys.
package blob
