// Package httpapi is the REST face of pipelines: upstream's v2beta1 for
// experiments, pipelines, versions and runs as the official clients use it, the
// logs and artifacts of a run, and upstream's coming tasks and artifacts.
//
// One handler is: decode, check, call the store, encode. The wire types live in
// wire.go and wire_run.go and convert to the nouns of package pipelines there and
// nowhere else. The package must not know SQL, Kubernetes or S3: logs and
// artifacts come from functions that are handed in.
package httpapi
