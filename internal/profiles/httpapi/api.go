// Package httpapi serves profiles under /apis/slipway.dev/v1 to callers who have a
// token of Slipway and no access to the Kubernetes API.
//
// The Profile objects are the record; these routes read and create them, as far as
// the caller may. It must not know what a profile makes.
package httpapi

import (
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// API serves the routes.
type API struct {
	// Profiles reads and creates Profile objects.
	Profiles client.Client
}

const (
	route = "/apis/slipway.dev/v1/profiles"
	// What access is reviewed for.
	group, profiles = "kubeflow.org", "profiles"
)

// Mount registers the routes. Creating needs the right for the whole cluster; who
// may get a profile in its own namespace is a member of it.
func (a *API) Mount(router *authz.Router) {
	everywhere := func(*http.Request) (string, error) { return "", nil }
	itsOwn := func(r *http.Request) (string, error) { return r.PathValue("name"), nil }
	router.Handle("GET "+route, authz.Authenticated, rest.Handler(a.list))
	router.Handle("POST "+route, authz.Need{Verb: "create", Group: group, Resource: profiles, Namespace: everywhere}, rest.Handler(a.create))
	router.Handle("GET "+route+"/{name}", authz.Need{Verb: "get", Group: group, Resource: profiles, Namespace: itsOwn, ByID: true}, rest.Handler(a.get))
}

// listing is the answer of a list: all that the caller may see, by name.
type listing struct {
	Profiles []Profile `json:"profiles"`
}

func (a *API) list(r *http.Request) (any, error) {
	ctx := r.Context()
	var all profilev1.ProfileList
	if err := a.Profiles.List(ctx, &all); err != nil {
		return nil, err
	}
	out := listing{Profiles: []Profile{}}
	for i := range all.Items {
		err := authz.Check(ctx, "get", group, profiles, all.Items[i].Name)
		if authz.IsForbidden(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Profiles = append(out.Profiles, fromObject(&all.Items[i]))
	}
	return out, nil
}

func (a *API) get(r *http.Request) (any, error) {
	name := r.PathValue("name")
	var profile profilev1.Profile
	err := a.Profiles.Get(r.Context(), types.NamespacedName{Name: name}, &profile)
	if apierrors.IsNotFound(err) {
		return nil, rest.Errorf(rest.NotFound, "profile %s not found", name)
	}
	if err != nil {
		return nil, err
	}
	return fromObject(&profile), nil
}

func (a *API) create(r *http.Request) (any, error) {
	var wanted Profile
	if err := rest.Decode(r, &wanted); err != nil {
		return nil, err
	}
	profile, err := wanted.toObject(login.Caller(r.Context()).User)
	if err != nil {
		return nil, err
	}
	err = a.Profiles.Create(r.Context(), profile)
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil, rest.Errorf(rest.AlreadyExists, "profile %s exists already", profile.Name)
	case apierrors.IsInvalid(err):
		return nil, rest.Errorf(rest.InvalidArgument, "%s", invalid(err))
	case err != nil:
		return nil, err
	}
	return fromObject(profile), nil
}
