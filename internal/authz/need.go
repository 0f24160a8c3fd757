// Package authz decides whether a caller may do what a route does, and is the
// only way to register a route.
//
// Every route is registered with its Need: a verb, a resource and how to find the
// namespace. The decision is Kubernetes' own (SubjectAccessReview), cached for
// seconds. The package must not know any domain: stores are reached through the
// functions that domains hand over.
package authz

import (
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// KFP is the API group under which pipelines' access is reviewed.
const KFP = "pipelines.kubeflow.org"

// SharedNamespace is where access to objects that belong to no profile is
// reviewed: everybody who has logged in may read there, administrators may write.
const SharedNamespace = "kubeflow"

// Need is what a route asks of its caller. Build one with its fields, or take
// Authenticated or Public; the zero Need is refused at registration.
type Need struct {
	// Verb, Group and Resource as a SubjectAccessReview has them.
	Verb, Group, Resource string
	// Namespace finds where the resource lies; an empty answer means the whole
	// cluster. For an object that is found by its id it looks the row up and answers
	// an error that Is ErrAbsent when there is none. Other errors go to the caller
	// as they are. It may read the body through Body.
	Namespace func(*http.Request) (string, error)
	// ByID makes a refusal look exactly like an absent object (404).
	ByID bool
	// Named is for routes where some requests name an object by its id, for example
	// the parent that narrows a list: it says which noun the request names, and then
	// does what ByID does; "" for a request that names none. Optional.
	Named func(*http.Request) string
	// Unbounded is for routes whose bodies and answers may have any size and take any
	// time: files, images, watches. All others end at rest.MaxBody and with the
	// server's time limits.
	Unbounded bool

	level level
	why   string
}

// noun is what the request names by its id; "": nothing.
func (n Need) noun(r *http.Request) string {
	switch {
	case n.Named != nil:
		return n.Named(r)
	case n.ByID:
		return strings.TrimSuffix(n.Resource, "s")
	default:
		return ""
	}
}

type level int

const (
	reviewed level = iota
	authenticated
	public
)

// Authenticated is the need of routes that show a caller only their own things.
var Authenticated = Need{level: authenticated}

// Public is the need of a route that answers anybody, with the reason why it may.
func Public(reason string) Need { return Need{level: public, why: reason} }

// AnySize is the need of a route that is Unbounded.
func (n Need) AnySize() Need {
	n.Unbounded = true
	return n
}

// IsPublic reports whether anybody may call the route.
func (n Need) IsPublic() bool { return n.level == public }

// IsAuthenticated reports whether the route needs a login and nothing else.
func (n Need) IsAuthenticated() bool { return n.level == authenticated }

// ErrAbsent is what a Namespace function answers for an object that does not exist.
var ErrAbsent = errors.New("absent")

// InQuery finds the namespace in a query parameter; where it is missing, the
// caller's home profile is meant.
func InQuery(parameter string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		return OrHome(r, r.URL.Query().Get(parameter))
	}
}

// OrHome is the namespace that was given, or the caller's home profile. A caller
// without a home is asked to name one (400).
func OrHome(r *http.Request, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if home := login.Caller(r.Context()).Home; home != "" {
		return home, nil
	}
	return "", rest.Errorf(rest.InvalidArgument, "namespace: name a profile: you have no home profile")
}
