package authz

import (
	"context"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/utils/clock"

	"github.com/slipway-ml/slipway/internal/login"
)

const (
	// A grant or a withdrawal takes effect after at most so long.
	keepAllowed = 5 * time.Second
	keepDenied  = 3 * time.Second
	maxKept     = 8192
	// authenticatedGroup is given to everybody who has logged in, as the API server does.
	authenticatedGroup = "system:authenticated"
)

// Reviewer asks the API server and remembers its answers for seconds.
type Reviewer struct {
	reviews authorizationclient.SubjectAccessReviewInterface
	cache   *cache.LRUExpireCache
}

// NewReviewer asks through the given client.
func NewReviewer(reviews authorizationclient.SubjectAccessReviewInterface, c clock.Clock) *Reviewer {
	return &Reviewer{reviews: reviews, cache: cache.NewLRUExpireCacheWithClock(maxKept, c)}
}

// asked is the key of the cache.
type asked struct {
	user, groups string
	what         Attributes
}

// Review says whether a caller may do something, as a ReviewFunc.
func (r *Reviewer) Review(ctx context.Context, caller login.Identity, what Attributes) (bool, error) {
	groups := slices.Clone(caller.Groups)
	if !slices.Contains(groups, authenticatedGroup) {
		groups = append(groups, authenticatedGroup)
	}
	key := asked{user: caller.User, groups: strings.Join(groups, "\x00"), what: what}
	if known, ok := r.cache.Get(key); ok {
		return known.(bool), nil
	}
	answer, err := r.reviews.Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: caller.User, Groups: groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: what.Namespace, Verb: what.Verb, Group: what.Group, Resource: what.Resource,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed := answer.Status.Allowed && !answer.Status.Denied
	keep := keepDenied
	if allowed {
		keep = keepAllowed
	}
	r.cache.Add(key, allowed, keep)
	return allowed, nil
}
