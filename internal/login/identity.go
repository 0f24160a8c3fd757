// Package login owns who a caller is: personal tokens, Kubernetes
// service-account tokens, and the identity that a request carries in its
// context.
//
// It must not know what a caller may do (package authz decides that), nor any
// domain's nouns.
package login

import (
	"context"
	"net/mail"
	"strings"
	"time"
)

// Ways by which a caller proved who they are.
const (
	ViaToken          = "token"          // a personal token
	ViaServiceAccount = "serviceaccount" // a Kubernetes service-account token
)

// Identity is a caller. The zero value is nobody.
type Identity struct {
	// User is an e-mail address, or system:serviceaccount:<namespace>:<name>.
	User string
	// Groups are those that access reviews see, without system:authenticated.
	Groups []string
	// Home is the profile that a call without a namespace means; empty: none.
	Home string
	// Via says how the caller logged in.
	Via string
	// TokenID and TokenExpires belong to the personal token used; zero for other ways.
	TokenID      string
	TokenExpires time.Time
	// Scope narrows what a personal token may do.
	Scope Scope
}

// Anonymous reports whether nobody has logged in.
func (i Identity) Anonymous() bool { return i.User == "" }

// Scope narrows a personal token. It never widens what its user may do.
type Scope string

// Scopes of personal tokens.
const (
	ScopeAll  Scope = "all"
	ScopeRead Scope = "read" // get, list and watch alone
)

// Allows reports whether a token of scope s may use a verb.
func (s Scope) Allows(verb string) bool {
	if s != ScopeRead {
		return true
	}
	switch verb {
	case "get", "list", "watch", "readArtifact":
		return true
	default:
		return false
	}
}

// ValidUser reports whether s can name a person: an e-mail address, so that no
// person is ever taken for an identity of Kubernetes itself.
func ValidUser(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && len(s) <= 253 && !strings.ContainsAny(s, ":/% ") && s == strings.ToLower(s)
}

type callerKey struct{}

// WithCaller returns a context that carries the caller.
func WithCaller(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, callerKey{}, id)
}

// Caller is the identity that the request's context carries; the zero Identity
// where nobody has logged in.
func Caller(ctx context.Context) Identity {
	id, _ := ctx.Value(callerKey{}).(Identity)
	return id
}

const serviceAccountPrefix = "system:serviceaccount:"

// ServiceAccountNamespace is the namespace of a system:serviceaccount:<ns>:<name>
// user; empty for anybody else.
func ServiceAccountNamespace(user string) string {
	rest, ok := strings.CutPrefix(user, serviceAccountPrefix)
	if !ok {
		return ""
	}
	namespace, name, ok := strings.Cut(rest, ":")
	if !ok || name == "" {
		return ""
	}
	return namespace
}
