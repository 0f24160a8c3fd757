package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// touchEvery is how exact a token's last use is: writing it at every call would
// make a write out of every read.
const touchEvery = time.Minute

// Tokens is what the authenticator asks of the store.
type Tokens interface {
	// TokenByHash returns ErrNoToken when there is none.
	TokenByHash(ctx context.Context, hash string) (Token, error)
	TouchToken(ctx context.Context, id string, now time.Time) error
}

// Authenticator finds out who sent a request.
type Authenticator struct {
	Tokens          Tokens
	ServiceAccounts *ServiceAccounts
	// ProfileOf is a user's own profile where the store names none; empty: no profile.
	ProfileOf func(ctx context.Context, user string) (string, error)
	Now       func() time.Time
}

// Authenticate returns the caller of a request: the zero Identity where no
// credentials were sent, ErrUnauthenticated where they are not good.
func (a *Authenticator) Authenticate(r *http.Request) (Identity, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return Identity{}, nil
	}
	secret, ok := bearer(header)
	if !ok {
		return Identity{}, ErrUnauthenticated
	}
	if strings.HasPrefix(secret, TokenPrefix) {
		return a.personal(r.Context(), secret)
	}
	return a.ServiceAccounts.Authenticate(r.Context(), secret)
}

func bearer(header []string) (string, bool) {
	if len(header) != 1 {
		return "", false
	}
	scheme, secret, ok := strings.Cut(header[0], " ")
	secret = strings.TrimSpace(secret)
	return secret, ok && strings.EqualFold(scheme, "Bearer") && secret != ""
}

func (a *Authenticator) personal(ctx context.Context, secret string) (Identity, error) {
	if !ValidSecret(secret) {
		return Identity{}, ErrUnauthenticated
	}
	token, err := a.Tokens.TokenByHash(ctx, HashSecret(secret))
	if errors.Is(err, ErrNoToken) {
		return Identity{}, ErrUnauthenticated
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look up token: %w", err)
	}
	now := a.Now()
	if token.Expired(now) {
		return Identity{}, ErrUnauthenticated
	}
	if now.Sub(token.LastUsed) >= touchEvery {
		if err := a.Tokens.TouchToken(ctx, token.ID, now); err != nil {
			return Identity{}, fmt.Errorf("note the token's use: %w", err)
		}
	}
	home := token.Home
	if home == "" {
		if home, err = a.ProfileOf(ctx, token.User); err != nil {
			return Identity{}, fmt.Errorf("home profile of %s: %w", token.User, err)
		}
	}
	return Identity{
		User: token.User, Home: home, Via: ViaToken,
		TokenID: token.ID, TokenExpires: token.ExpiresAt, Scope: token.Scope,
	}, nil
}
