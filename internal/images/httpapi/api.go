// Package httpapi is /v2/, the door to the bundled registry: docker, crane and
// `slipway image` push and pull there as the person they are, while the registry
// itself knows the platform's own credential alone. Repositories below
// slipway.dev/profiles/<profile>/ belong to that profile; all others are public:
// everybody reads them, administrators write them.
//
// It must not know how callers are identified or reviewed (package authz).
package httpapi

import (
	"crypto/subtle"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Group and Resource are what access reviews ask about.
const (
	Group    = "slipway.dev"
	Resource = "images"
)

// API passes requests on to the registry.
type API struct {
	registry   *url.URL
	credential images.Credential
	proxy      *httputil.ReverseProxy
}

// New makes the door to the registry at host:port.
func New(address string, credential images.Credential) *API {
	a := &API{registry: &url.URL{Scheme: "http", Host: address}, credential: credential}
	direct := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true}
	a.proxy = &httputil.ReverseProxy{
		Transport: direct,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(a.registry)
			p.Out.Header.Del("Cookie")
			p.Out.SetBasicAuth(credential.Username, credential.Password)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			rest.WriteError(w, r, rest.Errorf(rest.Unavailable, "the bundled registry does not answer"))
		},
	}
	return a
}

// Mount registers the routes. config is the router's own: registry clients send
// their token as the password of basic authentication, so requests are turned
// into bearer form here and reviewed by a router of this API's.
func (a *API) Mount(outer *authz.Router, config authz.Config) {
	inner := authz.NewRouter(config)
	a.routes(inner)
	outer.Handle(Prefix, authz.Public("registry clients expect a challenge of their own; what is behind it is reviewed").AnySize(), a.challenge(inner))
}

// Prefix is before every path of the registry protocol.
const Prefix = "/v2/"

func (a *API) routes(router *authz.Router) {
	need := func(verb string) authz.Need {
		return authz.Need{Verb: verb, Group: Group, Resource: Resource, Namespace: namespace, Unbounded: true} // layers
	}
	router.Handle("GET /v2/{$}", authz.Authenticated, a.proxy)
	router.Handle("GET /v2/_catalog", authz.Authenticated, http.HandlerFunc(a.catalog))
	router.Handle("GET /v2/{path...}", need("get"), http.HandlerFunc(a.pass)) // HEAD too
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch} {
		router.Handle(method+" /v2/{path...}", need("create"), http.HandlerFunc(a.pass))
	}
}

// challenge asks for basic credentials, and lets the node's own pulls through.
func (a *API) challenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		user, password, ok := r.BasicAuth()
		if ok && a.isNode(user, password) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			a.pass(w, r)
			return
		}
		r = r.Clone(r.Context())
		if ok {
			r.Header.Set("Authorization", "Bearer "+password)
		}
		next.ServeHTTP(&challenger{ResponseWriter: w}, r)
	})
}

func (a *API) isNode(user, password string) bool {
	return subtle.ConstantTimeCompare([]byte(user), []byte(a.credential.Username)) == 1 &&
		subtle.ConstantTimeCompare([]byte(password), []byte(a.credential.Password)) == 1
}

// challenger adds what makes a registry client send its login.
type challenger struct{ http.ResponseWriter }

func (c *challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("Www-Authenticate", `Basic realm="slipway"`)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *challenger) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// pass sends a request to where the image lies: the repository, below the host in
// ?ns= when containerd asks for a mirror.
func (a *API) pass(w http.ResponseWriter, r *http.Request) {
	repository, rest, ok := split(r)
	if !ok {
		a.proxy.ServeHTTP(w, r)
		return
	}
	query := r.URL.Query()
	query.Del("ns")
	// A layer of another repository may be mounted by who may read that one; whose it
	// is was not asked, so the client is let upload it instead.
	query.Del("mount")
	query.Del("from")
	out := r.Clone(r.Context())
	out.URL.Path, out.URL.RawPath, out.URL.RawQuery = Prefix+repository+rest, "", query.Encode()
	a.proxy.ServeHTTP(w, out)
}

// operation is what follows a repository's name.
var operation = regexp.MustCompile(`/(?:manifests/[^/]+|blobs/(?:uploads/?[^/]*|[^/]+)|tags/list|referrers/[^/]+)$`)

// split finds the repository in a request's path, and what is asked of it.
func split(r *http.Request) (repository, rest string, ok bool) {
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	at := operation.FindStringIndex(path)
	if at == nil {
		return "", "", false
	}
	repository, rest = path[:at[0]], path[at[0]:]
	if host := r.URL.Query().Get("ns"); host != "" {
		repository = images.RepositoryAt(host, repository)
	}
	return repository, rest, repository != ""
}

// namespace is the profile that a repository belongs to, or where public names are reviewed.
func namespace(r *http.Request) (string, error) {
	repository, _, ok := split(r)
	if !ok || strings.Contains(repository, "..") || strings.Contains(repository, "//") {
		return "", rest.Errorf(rest.NotFound, "no such registry route: %s", r.URL.Path)
	}
	return owner(repository), nil
}

func owner(repository string) string {
	below, ok := strings.CutPrefix(repository, images.ProfilePrefix)
	if !ok {
		return authz.SharedNamespace
	}
	profile, _, _ := strings.Cut(below, "/")
	return profile
}
