package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Token is a personal token. Token itself, the secret, is known only to the answer
// that created it.
type Token struct {
	ID         string     `json:"id,omitempty"`
	Name       string     `json:"name"`
	User       string     `json:"user,omitempty"`
	Scope      string     `json:"scope,omitempty"` // all or read
	CreatedAt  time.Time  `json:"created_at,omitzero"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Token      string     `json:"token,omitempty"`
}

// Caller is who the server takes us for.
type Caller struct {
	User        string   `json:"user"`
	Groups      []string `json:"groups"`
	HomeProfile string   `json:"home_profile"`
	Via         string   `json:"via"`
	Scope       string   `json:"scope"`
}

const tokens = "/apis/slipway.dev/v1/tokens"

// WhoAmI asks who the server takes us for.
func (c *Client) WhoAmI(ctx context.Context) (Caller, error) {
	var out Caller
	err := c.call(ctx, http.MethodGet, "/apis/slipway.dev/v1/whoami", nil, nil, &out)
	return out, err
}

// CreateToken makes a token for t.User, by default the caller.
func (c *Client) CreateToken(ctx context.Context, t Token) (Token, error) {
	in := struct {
		Name      string     `json:"name"`
		User      string     `json:"user,omitempty"`
		Scope     string     `json:"scope,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{t.Name, t.User, t.Scope, t.ExpiresAt}
	var out Token
	err := c.call(ctx, http.MethodPost, tokens, nil, in, &out)
	return out, err
}

// ListTokens lists a user's tokens; an empty user means the caller.
func (c *Client) ListTokens(ctx context.Context, user string) ([]Token, error) {
	query := url.Values{}
	if user != "" {
		query.Set("user", user)
	}
	var out struct {
		Tokens []Token `json:"tokens"`
	}
	err := c.call(ctx, http.MethodGet, tokens, query, nil, &out)
	return out.Tokens, err
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, tokens+"/"+url.PathEscape(id), nil, nil, nil)
}
