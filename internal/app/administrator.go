package app

import (
	"context"
	"fmt"
	"sync/atomic"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/config"
	imagesapi "github.com/slipway-ml/slipway/internal/images/httpapi"
)

// administratorReady says whether the first administrator's rights are in effect:
// roles are sums that Kubernetes fills, and the home profile is made, after the
// server has started. Who has waited for readiness must not be refused.
func (s *server) administratorReady(b config.Bootstrap) func(context.Context) error {
	asked := []authorizationv1.ResourceAttributes{
		{Verb: "create", Group: "kubeflow.org", Resource: "profiles"},
		{Verb: "create", Group: imagesapi.Group, Resource: imagesapi.Resource, Namespace: authz.SharedNamespace},
	}
	if b.Profile != "" {
		asked = append(asked, authorizationv1.ResourceAttributes{Verb: "create", Group: authz.KFP, Resource: "runs", Namespace: b.Profile})
	}
	var done atomic.Bool
	return func(ctx context.Context) error {
		if done.Load() {
			return nil
		}
		for i := range asked {
			review, err := s.kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{User: b.Admin, ResourceAttributes: &asked[i]},
			}, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			if !review.Status.Allowed {
				return fmt.Errorf("%s may not yet %s %s", b.Admin, asked[i].Verb, asked[i].Resource)
			}
		}
		done.Store(true)
		return nil
	}
}
