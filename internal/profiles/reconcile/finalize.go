package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/kube"
)

const (
	// deletionLimit is how long a profile waits for what it leaves behind. Then it
	// goes all the same: a profile never hangs in Terminating.
	deletionLimit = 10 * time.Minute
	// emptyFor is how long one reconciliation empties a bucket before it looks up.
	emptyFor = 30 * time.Second
	// lookAgain is how soon to see what a deletion does that no watch tells.
	lookAgain = 5 * time.Second
)

// finalize lets the profile go once its namespace and its bucket are gone, or once
// they have had their time.
func (r *Reconciler) finalize(ctx context.Context, s *scope) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(s.profile, profilev1.Finalizer) {
		return reconcile.Result{}, nil
	}
	left, err := r.tearDown(ctx, s.profile)
	inTime := r.options.Now().Sub(s.profile.DeletionTimestamp.Time) < deletionLimit
	if err != nil && inTime {
		return reconcile.Result{}, err
	}
	if left != "" && inTime {
		s.condition = deleting(left)
		return reconcile.Result{RequeueAfter: lookAgain}, nil
	}
	if removal := kube.RemoveFinalizer(ctx, r.client, s.profile, profilev1.Finalizer); removal != nil {
		return reconcile.Result{}, removal
	}
	if left != "" || err != nil {
		r.tellLeft(ctx, s.profile, left, err)
	}
	return reconcile.Result{}, nil
}

// tearDown deletes what the profile made, and says what is still going; empty:
// nothing is left. The bucket goes last: until the namespace is gone, its pods write.
func (r *Reconciler) tearDown(ctx context.Context, profile *profilev1.Profile) (left string, err error) {
	namespace := &corev1.Namespace{}
	err = r.reader.Get(ctx, types.NamespacedName{Name: profile.Name}, namespace)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("get namespace %s: %w", profile.Name, err)
	}
	if err == nil && metav1.IsControlledBy(namespace, profile) {
		return "namespace " + profile.Name + whyLeft(namespace), kube.Delete(ctx, r.client, namespace)
	}
	if r.options.Tenants == nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, emptyFor)
	defer cancel()
	return "", r.options.Tenants.Remove(ctx, r.options.bucket(profile), user(profile))
}

// tellLeft is for whoever cleans up: the profile, which could say it, is gone.
func (r *Reconciler) tellLeft(ctx context.Context, profile *profilev1.Profile, left string, err error) {
	slog.WarnContext(ctx, "profile deleted, leaving something behind", "profile", profile.Name, "left", left, "error", err)
	if err != nil {
		left = err.Error()
	}
	r.events.Eventf(profile, nil, corev1.EventTypeWarning, "LeftBehind", "Delete", "not all could be deleted within %s: %s", deletionLimit, left)
}

// whyLeft is what Kubernetes says about a namespace that does not go.
func whyLeft(namespace *corev1.Namespace) string {
	var why []string
	for _, c := range namespace.Status.Conditions {
		if c.Status == corev1.ConditionTrue && c.Message != "" {
			why = append(why, c.Message)
		}
	}
	if len(why) == 0 {
		return ""
	}
	slices.Sort(why)
	return ": " + strings.Join(why, "; ")
}
