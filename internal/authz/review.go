package authz

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/slipway-ml/slipway/internal/login"
)

// Attributes are what is asked of a review.
type Attributes struct {
	Verb, Group, Resource, Namespace string
}

// ReviewFunc says whether a caller may. An error means that nobody could tell.
type ReviewFunc func(ctx context.Context, caller login.Identity, what Attributes) (bool, error)

// review turns a decision into an error: nil, a 403 *Refusal, or the failure.
func review(ctx context.Context, ask ReviewFunc, caller login.Identity, what Attributes) error {
	if !caller.Scope.Allows(what.Verb) {
		return &Refusal{Status: http.StatusForbidden, Message: fmt.Sprintf("this token is for reading alone: it may not %s %s", what.Verb, what.Resource)}
	}
	allowed, err := ask(ctx, caller, what)
	if err != nil {
		return fmt.Errorf("review access: %w", err)
	}
	if !allowed {
		return &Refusal{Status: http.StatusForbidden, Message: forbidden(caller, what)}
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

func asForbidden(err error, refusal **Refusal) bool {
	return errors.As(err, refusal) && (*refusal).Status == http.StatusForbidden
}

func outcome(err error) string {
	var refusal *Refusal
	switch {
	case err == nil:
		return "allowed"
	case !errors.As(err, &refusal):
		return "error"
	case refusal.Status == http.StatusUnauthorized:
		return "unauthenticated"
	case refusal.Status == http.StatusForbidden || refusal.Status == http.StatusNotFound:
		return "denied"
	default:
		return "invalid"
	}
}
