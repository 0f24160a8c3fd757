package proxy

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// ServicePaths serves, in this process, what a client would reach through the API
// server's proxy to one of our own Services in namespace kubeflow:
//
//	/k8s/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy/apis/...
//
// The API server would take the caller's credentials away; here the request goes
// on to next as it is, so that the route's own checks see who sent it. That is how
// the kfp client works with nothing but a kubeconfig (docs/adr/0004).
//
// Where the kubeconfig holds a token, Kubernetes' Python client sets the client's
// host back to the kubeconfig's before every call, and kfp then asks for
//
//	/k8s/apis/v2beta1/...
//
// which is served too: no API group of Kubernetes is called like a version.
func ServicePaths(services ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if inner, ok := servicePath(r.URL.EscapedPath(), services); ok {
				r = r.Clone(r.Context())
				r.URL.Path, r.URL.RawPath = inner.Path, inner.RawPath
			}
			next.ServeHTTP(w, r)
		})
	}
}

var versionAsGroup = regexp.MustCompile(`^/k8s/apis/v[0-9]+((alpha|beta)[0-9]+)?/`)

const servicesRoot = Prefix + "/api/v1/namespaces/kubeflow/services/"

// servicePath is the path behind the proxy of one of our Services. Services are
// named as Kubernetes allows: name, name:port, scheme:name:port.
func servicePath(escaped string, services []string) (*url.URL, bool) {
	if versionAsGroup.MatchString(escaped) {
		u, err := url.ParseRequestURI(strings.TrimPrefix(escaped, Prefix))
		return u, err == nil
	}
	rest, ok := strings.CutPrefix(escaped, servicesRoot)
	if !ok {
		return nil, false
	}
	name, rest, _ := strings.Cut(rest, "/")
	inner, ok := strings.CutPrefix(rest, "proxy")
	if !ok || (inner != "" && inner[0] != '/') {
		return nil, false
	}
	for _, service := range services {
		if name != service && !strings.HasPrefix(name, service+":") && !strings.HasPrefix(name, "http:"+service+":") {
			continue
		}
		// The kfp client puts two slashes between host and path.
		u, err := url.ParseRequestURI("/" + strings.TrimLeft(inner, "/"))
		return u, err == nil
	}
	return nil, false
}
