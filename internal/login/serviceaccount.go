package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/utils/clock"
)

// Audience is the one that tokens for the pipelines API carry in pods.
const Audience = "pipelines.kubeflow.org"

const (
	// Answers are kept for so long: a deleted pod's token works at most this longer.
	reviewGood = 10 * time.Second
	reviewBad  = 5 * time.Second
	// maxReviews bounds the cache against a flood of invented tokens.
	maxReviews = 4096
	// maxAtOnce bounds how much of the API server a flood of them may take: who waits
	// longer than their request lives is refused by its end.
	maxAtOnce = 16
	// maxJWT is far above any service-account token (about 1 KiB).
	maxJWT = 16 << 10
)

// ServiceAccounts authenticates Kubernetes service-account tokens by TokenReview.
type ServiceAccounts struct {
	reviews authenticationclient.TokenReviewInterface
	cache   *cache.LRUExpireCache
	slots   chan struct{}
}

// NewServiceAccounts reviews tokens through the given client.
func NewServiceAccounts(reviews authenticationclient.TokenReviewInterface, c clock.Clock) *ServiceAccounts {
	return &ServiceAccounts{reviews: reviews, cache: cache.NewLRUExpireCacheWithClock(maxReviews, c), slots: make(chan struct{}, maxAtOnce)}
}

// Authenticate returns the service account of a token whose audience is Audience or
// the API server's own, else ErrUnauthenticated. Its home is its namespace.
func (s *ServiceAccounts) Authenticate(ctx context.Context, token string) (Identity, error) {
	audience, ok := claims(token)
	if !ok {
		return Identity{}, ErrUnauthenticated
	}
	key := sha256.Sum256([]byte(token))
	if known, ok := s.cache.Get(key); ok {
		return orRefused(known.(Identity))
	}
	id, err := s.review(ctx, token, audience)
	if err != nil {
		return Identity{}, err
	}
	keep := reviewGood
	if id.Anonymous() {
		keep = reviewBad
	}
	s.cache.Add(key, id, keep)
	return orRefused(id)
}

func orRefused(id Identity) (Identity, error) {
	if id.Anonymous() {
		return Identity{}, ErrUnauthenticated
	}
	return id, nil
}

func (s *ServiceAccounts) review(ctx context.Context, token string, audiences []string) (Identity, error) {
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	// No audiences in the request mean the API server's own.
	if slices.Contains(audiences, Audience) {
		review.Spec.Audiences = []string{Audience}
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Identity{}, ctx.Err()
	}
	review, err := s.reviews.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return Identity{}, fmt.Errorf("review token: %w", err)
	}
	namespace := ServiceAccountNamespace(review.Status.User.Username)
	// A reviewer that does not know audiences answers none: such an answer is not trusted.
	wanted := len(review.Spec.Audiences) == 0 || slices.Contains(review.Status.Audiences, Audience)
	if !review.Status.Authenticated || !wanted || namespace == "" {
		return Identity{}, nil
	}
	return Identity{
		User: review.Status.User.Username, Groups: review.Status.User.Groups,
		Home: namespace, Via: ViaServiceAccount, Scope: ScopeAll,
	}, nil
}

// claims reads a JWT's audiences without trusting them: they only choose what is
// asked of the API server, which verifies the token.
func claims(token string) (audience []string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxJWT {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	var body struct {
		Audience json.RawMessage `json:"aud"`
	}
	if err := json.Unmarshal(payload, &body); err != nil {
		return nil, false
	}
	var one string
	if json.Unmarshal(body.Audience, &one) == nil {
		return []string{one}, true
	}
	if len(body.Audience) > 0 && json.Unmarshal(body.Audience, &audience) != nil {
		return nil, false
	}
	return audience, true
}
