package authz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// guard stands before one handler: login, namespace, review, audit.
type guard struct {
	config  *Config
	need    Need
	pattern string
	next    http.Handler
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := g.bound(w, r); err != nil {
		rest.WriteError(w, r, err)
		return
	}
	if g.need.level == public {
		g.next.ServeHTTP(w, r)
		return
	}
	start := g.config.Now()
	recorder := &statusRecorder{ResponseWriter: w}
	caller, err := g.authenticate(r)
	namespace := ""
	if err == nil {
		r = r.WithContext(login.WithCaller(r.Context(), caller))
		namespace, err = g.admit(r, caller)
	}
	if err != nil {
		if outcome(err) == unauthenticated {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		rest.WriteError(recorder, r, err)
	} else {
		ctx := context.WithValue(r.Context(), scopeKey{}, scope{namespace: namespace, caller: caller, review: g.config.Review})
		// The route's own request is kept: ServeMux's path values travel with it.
		g.next.ServeHTTP(recorder, r.WithContext(ctx))
	}
	g.config.Audit.LogAttrs(r.Context(), slog.LevelInfo, "audit",
		slog.String("user", caller.User), slog.String("via", caller.Via),
		slog.String("verb", g.need.Verb), slog.String("resource", g.need.Resource), slog.String("namespace", namespace),
		slog.String("method", r.Method), slog.String("route", g.pattern), slog.String("path", r.URL.Path),
		slog.Int("status", recorder.Status()), slog.String("outcome", outcome(err)),
		slog.Float64("latency_ms", float64(g.config.Now().Sub(start).Microseconds())/1000))
}

// bound sets or lifts the limits of the route.
func (g *guard) bound(w http.ResponseWriter, r *http.Request) error {
	if !g.need.Unbounded {
		r.Body = http.MaxBytesReader(w, r.Body, rest.MaxBody)
		return nil
	}
	control := http.NewResponseController(w)
	err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // not a connection: there is no deadline
	}
	return err
}

func (g *guard) authenticate(r *http.Request) (login.Identity, error) {
	caller, err := g.config.Authenticate(r)
	switch {
	case errors.Is(err, login.ErrUnauthenticated):
		return login.Identity{}, rest.Errorf(rest.Unauthenticated, "%v", login.ErrUnauthenticated)
	case err != nil:
		return login.Identity{}, err
	case caller.Anonymous():
		return caller, rest.Errorf(rest.Unauthenticated, "not logged in: send a token (Authorization: Bearer ...)")
	}
	return caller, nil
}

// admit finds the namespace and asks whether the caller may.
func (g *guard) admit(r *http.Request, caller login.Identity) (string, error) {
	if g.need.level == authenticated {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && caller.Scope == login.ScopeRead {
			return "", rest.Errorf(rest.PermissionDenied, "this token is for reading alone")
		}
		return "", nil
	}
	namespace, err := g.need.Namespace(r)
	if isAbsent(err) {
		return "", absent(g.need.noun(r))
	}
	if err != nil {
		return "", err
	}
	attributes := Attributes{Verb: g.need.Verb, Group: g.need.Group, Resource: g.need.Resource, Namespace: namespace}
	err = review(r.Context(), g.config.Review, caller, attributes)
	if noun := g.need.noun(r); noun != "" && IsForbidden(err) {
		return namespace, absent(noun)
	}
	return namespace, err
}

type scopeKey struct{}

type scope struct {
	namespace string
	caller    login.Identity
	review    ReviewFunc
}

// Namespace is where the request's resource lies, as its Need found it.
func Namespace(ctx context.Context) string {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s.namespace
}

// Check asks for something more than the route's Need, for example another object
// that the body refers to. The error satisfies IsForbidden or is the review's failure.
func Check(ctx context.Context, verb, group, resource, namespace string) error {
	s, ok := ctx.Value(scopeKey{}).(scope)
	if !ok {
		return rest.Errorf(rest.Unauthenticated, "not logged in")
	}
	return review(ctx, s.review, s.caller, Attributes{Verb: verb, Group: group, Resource: resource, Namespace: namespace})
}

// Body reads the request's body and puts it back, so that a Namespace function
// and the handler can both read it. Limits are those that were set before.
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// statusRecorder remembers the status for the audit log.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController flush and hijack.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusRecorder) Status() int {
	if s.status == 0 {
		return http.StatusOK
	}
	return s.status
}
