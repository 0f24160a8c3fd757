package artifact

import (
	"fmt"
	"path"
	"strings"
)

// localDirs maps the schemes that have a place of their own in a step to it. The
// SDK derives the same paths by itself, so they are part of the contract.
var localDirs = map[string]string{"gs": "/gcs/", "s3": "/s3/", "minio": "/minio/", "oci": "/oci/"}

// URI is a parsed artifact URI. Query holds store options such as an endpoint,
// without the question mark.
type URI struct {
	Scheme, Bucket, Key, Query string
}

// ParseURI splits scheme://bucket/key?query. The key may be empty.
func ParseURI(s string) (URI, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || rest == "" {
		return URI{}, fmt.Errorf("artifact URI %q is not of the form scheme://bucket/key", s)
	}
	rest, query, _ := strings.Cut(rest, "?")
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" {
		return URI{}, fmt.Errorf("artifact URI %q names no bucket", s)
	}
	return URI{Scheme: scheme, Bucket: bucket, Key: strings.TrimSuffix(key, "/"), Query: query}, nil
}

// String is the inverse of ParseURI.
func (u URI) String() string {
	s := u.Scheme + "://" + u.Bucket
	if u.Key != "" {
		s += "/" + u.Key
	}
	if u.Query != "" {
		s += "?" + u.Query
	}
	return s
}

// Join appends path elements to a root URI, before its query if it has one.
func Join(root string, elem ...string) string {
	base, query, hasQuery := strings.Cut(root, "?")
	s := strings.TrimRight(base, "/") + "/" + path.Join(elem...)
	if hasQuery {
		s += "?" + query
	}
	return s
}

// OutputURI is where an output artifact of a task lies: unique is a new random
// id, which keeps attempts and iterations apart.
func OutputURI(root, pipeline, run, task, unique, name string) string {
	return Join(root, pipeline, run, task, unique, name)
}

// LocalPath is the path at which a step finds the artifact with the given URI,
// as the SDK derives it: s3://b/k -> /s3/b/k, gs:// -> /gcs/, minio:// ->
// /minio/, oci://x/y -> /oci/x_y/models. A URI of another scheme is its own path. A query
// stays in the path, because the SDK leaves it there.
func LocalPath(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	dir, known := localDirs[scheme]
	if !ok || !known {
		return uri
	}
	if scheme == "oci" {
		return dir + strings.ReplaceAll(rest, "/", "_") + "/models"
	}
	return dir + rest
}
