package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

const profileRoute = "/apis/slipway.dev/v1/profiles"

// Profile is a team's namespace. To make one, a name is enough: its owner is the
// caller.
type Profile struct {
	Name      string            `json:"name"`
	Owner     string            `json:"owner,omitempty"`
	OwnerKind string            `json:"owner_kind,omitempty"`
	Quota     map[string]string `json:"quota,omitempty"`
	State     string            `json:"state,omitempty"`
	Message   string            `json:"message,omitempty"`
	CreatedAt time.Time         `json:"created_at,omitzero"`
}

// Ready reports whether all that belongs to the profile has been made.
func (p Profile) Ready() bool { return p.State == "Successful" }

// CreateProfile makes a profile; it is Ready later.
func (c *Client) CreateProfile(ctx context.Context, p Profile) (Profile, error) {
	var out Profile
	err := c.call(ctx, http.MethodPost, profileRoute, nil, p, &out)
	return out, err
}

// Profile returns a profile by name.
func (c *Client) Profile(ctx context.Context, name string) (Profile, error) {
	var out Profile
	err := c.call(ctx, http.MethodGet, profileRoute+"/"+url.PathEscape(name), nil, nil, &out)
	return out, err
}

// ListProfiles returns the profiles that the caller may see.
func (c *Client) ListProfiles(ctx context.Context) ([]Profile, error) {
	var out struct {
		Profiles []Profile `json:"profiles"`
	}
	err := c.call(ctx, http.MethodGet, profileRoute, nil, nil, &out)
	return out.Profiles, err
}
