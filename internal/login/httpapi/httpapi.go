// Package httpapi serves personal tokens and who the caller is, under
// /apis/slipway.dev/v1.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Store keeps users and tokens.
type Store interface {
	EnsureUser(ctx context.Context, email, home string, now time.Time) error
	CreateToken(ctx context.Context, t login.Token, createdBy string) error
	Token(ctx context.Context, id string) (login.Token, error)
	ListTokens(ctx context.Context, user string) ([]login.Token, error)
	DeleteToken(ctx context.Context, id string) error
}

// API serves the routes.
type API struct {
	Store  Store
	Now    func() time.Time
	NewID  func() string
	Random io.Reader
}

const (
	maxName = 100
	// resource that administrators have rights on: others' tokens.
	group, resource = "slipway.dev", "tokens"
)

// Mount registers the routes. They show a caller their own things; others' tokens
// need rights on tokens.slipway.dev for the whole cluster.
func (a *API) Mount(router *authz.Router) {
	handle := func(pattern string, h rest.Handler) { router.Handle(pattern, authz.Authenticated, h) }
	handle("GET /apis/slipway.dev/v1/whoami", a.whoami)
	handle("POST /apis/slipway.dev/v1/tokens", a.create)
	handle("GET /apis/slipway.dev/v1/tokens", a.list)
	handle("DELETE /apis/slipway.dev/v1/tokens/{id}", a.revoke)
}

type whoami struct {
	User        string   `json:"user"`
	Groups      []string `json:"groups"`
	HomeProfile string   `json:"home_profile"`
	Via         string   `json:"via"`
	Scope       string   `json:"scope"`
}

func (a *API) whoami(r *http.Request) (any, error) {
	c := login.Caller(r.Context())
	return whoami{User: c.User, Groups: append([]string{}, c.Groups...), HomeProfile: c.Home, Via: c.Via, Scope: string(c.Scope)}, nil
}

// wire is a token as it is sent; Token alone by the answer to its creation.
type wire struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	User      string     `json:"user"`
	Scope     string     `json:"scope"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	LastUsed  *time.Time `json:"last_used_at,omitempty"`
	Token     string     `json:"token,omitempty"`
}

func toWire(t login.Token) wire {
	w := wire{ID: t.ID, Name: t.Name, User: t.User, Scope: string(t.Scope), CreatedAt: t.CreatedAt}
	if !t.ExpiresAt.IsZero() {
		w.ExpiresAt = &t.ExpiresAt
	}
	if !t.LastUsed.IsZero() {
		w.LastUsed = &t.LastUsed
	}
	return w
}

type createRequest struct {
	Name      string     `json:"name"`
	User      string     `json:"user"`  // empty: the caller
	Scope     string     `json:"scope"` // all (default) or read
	ExpiresAt *time.Time `json:"expires_at"`
}

func (a *API) create(r *http.Request) (any, error) {
	var in createRequest
	if err := rest.Decode(r, &in); err != nil {
		return nil, err
	}
	caller, now := login.Caller(r.Context()), a.Now().UTC()
	token, err := in.token(caller, now)
	if err != nil {
		return nil, err
	}
	if err := a.mayFor(r.Context(), "create", token.User); err != nil {
		return nil, err
	}
	secret, err := login.NewSecret(a.Random)
	if err != nil {
		return nil, fmt.Errorf("draw a token: %w", err)
	}
	token.ID, token.Hash = a.NewID(), login.HashSecret(secret)
	if err := a.Store.EnsureUser(r.Context(), token.User, "", now); err != nil {
		return nil, err
	}
	if err := a.Store.CreateToken(r.Context(), token, caller.User); err != nil {
		return nil, err
	}
	out := toWire(token)
	out.Token = secret
	return out, nil
}

// token checks what was asked for. A token never lives longer than the one that
// asked for it.
func (in *createRequest) token(caller login.Identity, now time.Time) (login.Token, error) {
	t := login.Token{Name: strings.TrimSpace(in.Name), User: in.User, Scope: login.Scope(in.Scope), CreatedAt: now}
	if t.User == "" {
		t.User = caller.User
	}
	if t.Scope == "" {
		t.Scope = login.ScopeAll
	}
	if t.Name == "" || utf8.RuneCountInString(t.Name) > maxName {
		return t, rest.Errorf(rest.InvalidArgument, "name: give 1 to %d characters", maxName)
	}
	if t.Scope != login.ScopeAll && t.Scope != login.ScopeRead {
		return t, rest.Errorf(rest.InvalidArgument, "scope %q: use %s or %s", in.Scope, login.ScopeAll, login.ScopeRead)
	}
	if !login.ValidUser(t.User) {
		return t, rest.Errorf(rest.InvalidArgument, "user %q: only people, named by their e-mail address, have personal tokens", t.User)
	}
	if in.ExpiresAt != nil {
		t.ExpiresAt = in.ExpiresAt.UTC()
		if !t.ExpiresAt.After(now) {
			return t, rest.Errorf(rest.InvalidArgument, "expires_at: is over already")
		}
	}
	if end := caller.TokenExpires; !end.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(end)) {
		t.ExpiresAt = end
	}
	return t, nil
}

func (a *API) list(r *http.Request) (any, error) {
	user := r.URL.Query().Get("user")
	if user == "" {
		user = login.Caller(r.Context()).User
	}
	if err := a.mayFor(r.Context(), "list", user); err != nil {
		return nil, err
	}
	tokens, err := a.Store.ListTokens(r.Context(), user)
	if err != nil {
		return nil, err
	}
	out := make([]wire, 0, len(tokens))
	for _, t := range tokens {
		out = append(out, toWire(t))
	}
	return map[string][]wire{"tokens": out}, nil
}

// revoke answers 404 alike for a token that is not there and one of somebody else.
func (a *API) revoke(r *http.Request) (any, error) {
	absent := rest.Errorf(rest.NotFound, "token not found")
	token, err := a.Store.Token(r.Context(), r.PathValue("id"))
	if errors.Is(err, login.ErrNoToken) {
		return nil, absent
	}
	if err != nil {
		return nil, err
	}
	if err := a.mayFor(r.Context(), "delete", token.User); authz.IsForbidden(err) {
		return nil, absent
	} else if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteToken(r.Context(), token.ID); err != nil && !errors.Is(err, login.ErrNoToken) {
		return nil, err
	}
	return nil, nil
}

// mayFor lets everybody act on their own tokens.
func (a *API) mayFor(ctx context.Context, verb, user string) error {
	if user == login.Caller(ctx).User {
		return nil
	}
	return authz.Check(ctx, verb, group, resource, "")
}
