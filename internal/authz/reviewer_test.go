package authz_test

import (
	"errors"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// reviews counts what it is asked, and answers allowed.
type reviews struct {
	asked   []authorizationv1.SubjectAccessReviewSpec
	allowed bool
	fail    error
}

func (s *reviews) reviewer(c clock.Clock) *authz.Reviewer {
	client := fake.NewClientset()
	client.PrependReactor("create", "subjectaccessreviews", func(action ktesting.Action) (bool, runtime.Object, error) {
		review := action.(ktesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		s.asked = append(s.asked, review.Spec)
		review.Status.Allowed = s.allowed
		return true, review, s.fail
	})
	return authz.NewReviewer(client.AuthorizationV1().SubjectAccessReviews(), c)
}

func TestAnswersAreRememberedForSeconds(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	s := &reviews{allowed: true}
	reviewer := s.reviewer(clock)
	alice := login.Identity{User: "alice@example.com", Groups: []string{"team"}}
	get := authz.Attributes{Verb: "get", Group: authz.KFP, Resource: "runs", Namespace: "alice"}
	ask := func(caller login.Identity, what authz.Attributes, want bool, asked int) {
		t.Helper()
		got, err := reviewer.Review(t.Context(), caller, what)
		if err != nil || got != want || len(s.asked) != asked {
			t.Errorf("allowed %v, %v, after %d reviews; want %v after %d", got, err, len(s.asked), want, asked)
		}
	}
	ask(alice, get, true, 1)
	s.allowed = false
	ask(alice, get, true, 1) // remembered
	clock.Step(6 * time.Second)
	ask(alice, get, false, 2) // withdrawn
	s.allowed = true
	ask(alice, get, false, 2) // a refusal is remembered too
	clock.Step(4 * time.Second)
	ask(alice, get, true, 3)
	// Whatever differs is asked anew.
	terminate, elsewhere := get, get
	terminate.Verb, elsewhere.Namespace = "terminate", "bob"
	ask(alice, terminate, true, 4)
	ask(alice, elsewhere, true, 5)
	ask(login.Identity{User: "alice@example.com"}, get, true, 6)
	if diff := cmp.Diff([]string{"team", "system:authenticated"}, s.asked[0].Groups); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedReviewIsNotRemembered(t *testing.T) {
	s := &reviews{allowed: true, fail: errors.New("no connection")}
	reviewer := s.reviewer(clock.RealClock{})
	what := authz.Attributes{Verb: "get", Resource: "runs"}
	if allowed, err := reviewer.Review(t.Context(), login.Identity{User: "a"}, what); allowed || err == nil {
		t.Fatalf("allowed %v, %v", allowed, err)
	}
	s.fail = nil
	if allowed, err := reviewer.Review(t.Context(), login.Identity{User: "a"}, what); !allowed || err != nil {
		t.Fatalf("allowed %v, %v", allowed, err)
	}
}

func TestTheAPIServerDecides(t *testing.T) {
	client, err := kubernetes.NewForConfig(testkit.APIServer(t))
	if err != nil {
		t.Fatal(err)
	}
	ns := testkit.Name(t)
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	objects := client.RbacV1()
	if _, err := objects.Roles(ns).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "runs"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{authz.KFP}, Resources: []string{"runs"}, Verbs: []string{"terminate"}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.RoleBindings(ns).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "runs"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "runs"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "alice@example.com"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	reviewer := authz.NewReviewer(client.AuthorizationV1().SubjectAccessReviews(), clock.RealClock{})
	for name, c := range map[string]struct {
		user, verb, namespace string
		want                  bool
	}{
		"what is bound":     {"alice@example.com", "terminate", ns, true},
		"another verb":      {"alice@example.com", "delete", ns, false},
		"another namespace": {"alice@example.com", "terminate", "default", false},
		"the whole cluster": {"alice@example.com", "terminate", "", false},
		"another user":      {"bob@example.com", "terminate", ns, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reviewer.Review(t.Context(), login.Identity{User: c.user}, authz.Attributes{Verb: c.verb, Group: authz.KFP, Resource: "runs", Namespace: c.namespace})
			if err != nil || got != c.want {
				t.Errorf("allowed %v, %v; want %v", got, err, c.want)
			}
		})
	}
}
