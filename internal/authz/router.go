package authz

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Config is what a Router needs. A router of public routes alone needs nothing.
type Config struct {
	// Authenticate says who sent the request: a zero Identity for nobody,
	// login.ErrUnauthenticated for credentials that are not good.
	Authenticate func(*http.Request) (login.Identity, error)
	// Review says whether a caller may; see Reviewer.Review.
	Review ReviewFunc
	// Audit receives one line for each request that needed a login.
	Audit *slog.Logger
	Now   func() time.Time
}

// Router registers routes with their needs and serves them.
type Router struct {
	config Config
	mux    *http.ServeMux
	routes []Route
	verbs  map[string]*verbs
	others http.Handler
}

// Route is one registration.
type Route struct {
	Pattern string
	Need    Need
}

// NewRouter makes an empty router.
func NewRouter(config Config) *Router {
	rt := &Router{config: config, mux: http.NewServeMux(), verbs: map[string]*verbs{}}
	rt.others = http.HandlerFunc(notFound)
	return rt
}

// Handle registers a handler with what it needs. The pattern is ServeMux's
// ("GET /apis/v2beta1/runs/{id}"), and may end in a custom verb
// ("POST /apis/v2beta1/runs/{id}:archive"): PathValue("id") is then the id alone.
func (rt *Router) Handle(pattern string, need Need, h http.Handler) {
	if need.level == reviewed && (need.Verb == "" || need.Resource == "" || need.Namespace == nil) {
		refuse(pattern, "verb, resource and namespace are all needed")
	}
	if need.level == public && need.why == "" {
		refuse(pattern, "a public route needs a reason")
	}
	rt.routes = append(rt.routes, Route{Pattern: pattern, Need: need})
	guarded := &guard{config: &rt.config, need: need, pattern: pattern, next: h}
	base, wildcard, verb := splitVerb(pattern)
	group := rt.verbs[base]
	if wildcard == "" {
		rt.mux.Handle(pattern, guarded)
		return
	}
	if group == nil {
		group = &verbs{wildcard: wildcard, byVerb: map[string]http.Handler{}}
		rt.verbs[base] = group
		rt.mux.Handle(base, group)
	}
	if verb == "" {
		group.plain = guarded
		return
	}
	group.byVerb[verb] = guarded
}

// refuse ends the program at its start, as ServeMux does for a bad pattern: a route
// without a need must never come to serve.
func refuse(pattern, why string) {
	panic(fmt.Sprintf("authz: %s: %s", pattern, why)) //nolint:forbidigo // a mistake in the program, found when it starts
}

// Routes are all registrations, in their order.
func (rt *Router) Routes() []Route { return rt.routes }

// Before lets another router answer what this one has no route for.
func (rt *Router) Before(next *Router) { rt.others = next }

func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := rt.mux.Handler(r); pattern == "" {
		rt.others.ServeHTTP(w, r)
		return
	}
	rt.mux.ServeHTTP(w, r)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	rest.WriteError(w, r, rest.Errorf(rest.NotFound, "no such route: %s %s", r.Method, r.URL.Path))
}

// splitVerb takes "POST /runs/{id}:archive" apart into "POST /runs/{id}", "id" and
// "archive". Every pattern that ends in a wildcard may get verbs.
func splitVerb(pattern string) (base, wildcard, verb string) {
	slash := strings.LastIndexByte(pattern, '/')
	segment := pattern[slash+1:]
	end := strings.IndexByte(segment, '}')
	if !strings.HasPrefix(segment, "{") || end < 0 || strings.Contains(segment, "...") || segment == "{$}" {
		return pattern, "", ""
	}
	return pattern[:slash+1] + segment[:end+1], segment[1:end], strings.TrimPrefix(segment[end+1:], ":")
}

// verbs serves one wildcard pattern with the custom verbs that share it.
type verbs struct {
	wildcard string
	plain    http.Handler
	byVerb   map[string]http.Handler
}

func (v *verbs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	value := r.PathValue(v.wildcard)
	if colon := strings.LastIndexByte(value, ':'); colon >= 0 {
		if h, ok := v.byVerb[value[colon+1:]]; ok {
			r.SetPathValue(v.wildcard, value[:colon])
			h.ServeHTTP(w, r)
			return
		}
	}
	if v.plain == nil {
		notFound(w, r)
		return
	}
	v.plain.ServeHTTP(w, r)
}

// absent is the one answer for an object that is not there or not to be seen.
func absent(noun string) error {
	if noun == "" {
		noun = "object"
	}
	return rest.Errorf(rest.NotFound, "%s not found", noun)
}

func isAbsent(err error) bool { return errors.Is(err, ErrAbsent) }
