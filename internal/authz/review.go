package authz

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Attributes are what is asked of a review.
type Attributes struct {
	Verb, Group, Resource, Namespace string
}

// ReviewFunc says whether a caller may. An error means that nobody could tell.
type ReviewFunc func(ctx context.Context, caller login.Identity, what Attributes) (bool, error)

// review turns a decision into an error: nil, an error that IsForbidden, or the failure.
func review(ctx context.Context, ask ReviewFunc, caller login.Identity, what Attributes) error {
	if !caller.Scope.Allows(what.Verb) {
		return rest.Errorf(rest.PermissionDenied, "this token is for reading alone: it may not %s %s", what.Verb, what.Resource)
	}
	allowed, err := ask(ctx, caller, what)
	if err != nil {
		return fmt.Errorf("review access: %w", err)
	}
	if !allowed {
		return rest.Errorf(rest.PermissionDenied, "%s", forbidden(caller, what))
	}
	return nil
}

func forbidden(caller login.Identity, what Attributes) string {
	resource := what.Resource
	if what.Group != "" {
		resource += "." + what.Group
	}
	where := "for the whole cluster"
	if what.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", what.Namespace)
	}
	return fmt.Sprintf("%s may not %s %s %s", caller.User, what.Verb, resource, where)
}

// IsForbidden reports whether err says that the caller may not.
func IsForbidden(err error) bool {
	var e *rest.Error
	return errors.As(err, &e) && e.Code == rest.PermissionDenied
}

const unauthenticated = "unauthenticated"

// outcome is what the audit log says of admit's error.
func outcome(err error) string {
	var e *rest.Error
	switch {
	case err == nil:
		return "allowed"
	case !errors.As(err, &e):
		return "error"
	case e.Code == rest.Unauthenticated:
		return unauthenticated
	case e.Code == rest.PermissionDenied || e.Code == rest.NotFound:
		return "denied"
	default:
		return "invalid"
	}
}
