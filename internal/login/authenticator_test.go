package login_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/slipway-ml/slipway/internal/login"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// tokens is a store of one token.
type tokens struct {
	token   login.Token
	touched int
}

func (s *tokens) TokenByHash(_ context.Context, hash string) (login.Token, error) {
	if hash != s.token.Hash {
		return login.Token{}, login.ErrNoToken
	}
	return s.token, nil
}

func (s *tokens) TouchToken(_ context.Context, _ string, now time.Time) error {
	s.touched++
	s.token.LastUsed = now
	return nil
}

// jwt has the form of a token with this payload; nobody has signed it.
func jwt(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

// reviewer answers TokenReviews as an API server would: it knows the tokens given,
// each with its audience and user.
type reviewer struct {
	known map[string]authenticationv1.TokenReviewStatus
	asked int
	fail  error
}

func (k *reviewer) serviceAccounts(clock *clocktesting.FakeClock) *login.ServiceAccounts {
	client := fake.NewClientset()
	client.PrependReactor("create", "tokenreviews", func(action ktesting.Action) (bool, runtime.Object, error) {
		k.asked++
		review := action.(ktesting.CreateAction).GetObject().(*authenticationv1.TokenReview).DeepCopy()
		status := k.known[review.Spec.Token]
		want := review.Spec.Audiences
		if len(want) == 0 {
			want = []string{"https://kubernetes.default.svc"}
		}
		if !slices.ContainsFunc(status.Audiences, func(a string) bool { return slices.Contains(want, a) }) {
			status = authenticationv1.TokenReviewStatus{}
		}
		review.Status = status
		return true, review, k.fail
	})
	return login.NewServiceAccounts(client.AuthenticationV1().TokenReviews(), clock)
}

func status(user string, audience string) authenticationv1.TokenReviewStatus {
	return authenticationv1.TokenReviewStatus{
		Authenticated: true, Audiences: []string{audience},
		User: authenticationv1.UserInfo{Username: user, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:alice"}},
	}
}

func TestAuthenticate(t *testing.T) {
	secret, err := login.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const home = "https://kubernetes.default.svc"
	forKFP, forAPI := jwt(`{"aud":["pipelines.kubeflow.org"]}`), jwt(`{"aud":"https://kubernetes.default.svc"}`)
	forVault, node := jwt(`{"aud":["vault"]}`), jwt(`{"aud":["`+home+`"],"n":1}`)
	editor := login.Identity{
		User: "system:serviceaccount:alice:default-editor", Home: "alice", Via: login.ViaServiceAccount, Scope: login.ScopeAll,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:alice"},
	}
	person := login.Identity{User: "bob@example.com", Home: "bob", Via: login.ViaToken, TokenID: "1", Scope: login.ScopeRead}
	cases := map[string]struct {
		header  []string
		expires time.Time
		want    login.Identity
		err     error
	}{
		"nothing sent is nobody":                      {},
		"a personal token":                            {header: []string{"Bearer " + secret}, want: person},
		"the scheme in small letters":                 {header: []string{"bearer " + secret}, want: person},
		"an expired token":                            {header: []string{"Bearer " + secret}, expires: noon, err: login.ErrUnauthenticated},
		"an unknown token":                            {header: []string{"Bearer slp_" + secret[4:41] + "x"}, err: login.ErrUnauthenticated},
		"basic auth":                                  {header: []string{"Basic YTpi"}, err: login.ErrUnauthenticated},
		"two headers":                                 {header: []string{"Bearer " + secret, "Bearer " + secret}, err: login.ErrUnauthenticated},
		"no token behind the scheme":                  {header: []string{"Bearer "}, err: login.ErrUnauthenticated},
		"a pod's token for pipelines":                 {header: []string{"Bearer " + forKFP}, want: editor},
		"a pod's token for the API server":            {header: []string{"Bearer " + forAPI}, want: editor},
		"a token for another audience":                {header: []string{"Bearer " + forVault}, err: login.ErrUnauthenticated},
		"a node, which is no service account":         {header: []string{"Bearer " + node}, err: login.ErrUnauthenticated},
		"a JWT that the API server does not know":     {header: []string{"Bearer " + jwt(`{}`)}, err: login.ErrUnauthenticated},
		"text that is no token of any kind":           {header: []string{"Bearer hello"}, err: login.ErrUnauthenticated},
		"three parts that are no JWT":                 {header: []string{"Bearer a.b.c"}, err: login.ErrUnauthenticated},
		"a payload whose audience is not a text list": {header: []string{"Bearer " + jwt(`{"aud":3}`)}, err: login.ErrUnauthenticated},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			k := &reviewer{known: map[string]authenticationv1.TokenReviewStatus{
				forKFP: status(editor.User, login.Audience), forAPI: status(editor.User, home),
				forVault: status(editor.User, "vault"), node: status("system:node:a", home),
			}}
			a := &login.Authenticator{
				Tokens:          &tokens{token: login.Token{ID: "1", User: "bob@example.com", Hash: login.HashSecret(secret), Scope: login.ScopeRead, ExpiresAt: c.expires}},
				ServiceAccounts: k.serviceAccounts(clocktesting.NewFakeClock(noon)),
				ProfileOf:       func(context.Context, string) (string, error) { return "bob", nil },
				Now:             func() time.Time { return noon },
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = c.header
			got, err := a.Authenticate(r)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReviewsAreRememberedForSeconds(t *testing.T) {
	good, bad := jwt(`{"aud":["pipelines.kubeflow.org"]}`), jwt(`{"aud":["pipelines.kubeflow.org"],"n":2}`)
	k := &reviewer{known: map[string]authenticationv1.TokenReviewStatus{good: status("system:serviceaccount:a:b", login.Audience)}}
	clock := clocktesting.NewFakeClock(noon)
	accounts := k.serviceAccounts(clock)
	ask := func(token string, want error) {
		t.Helper()
		if _, err := accounts.Authenticate(t.Context(), token); !errors.Is(err, want) {
			t.Fatalf("error %v, want %v", err, want)
		}
	}
	for range 3 {
		ask(good, nil)
		ask(bad, login.ErrUnauthenticated)
	}
	if k.asked != 2 {
		t.Errorf("asked %d times for two tokens", k.asked)
	}
	delete(k.known, good) // its pod is deleted
	clock.Step(11 * time.Second)
	ask(good, login.ErrUnauthenticated)
}

func TestAReviewThatFailsIsNotRemembered(t *testing.T) {
	token := jwt(`{"aud":["pipelines.kubeflow.org"]}`)
	k := &reviewer{known: map[string]authenticationv1.TokenReviewStatus{token: status("system:serviceaccount:a:b", login.Audience)}, fail: errors.New("no connection")}
	accounts := k.serviceAccounts(clocktesting.NewFakeClock(noon))
	if _, err := accounts.Authenticate(t.Context(), token); err == nil || errors.Is(err, login.ErrUnauthenticated) {
		t.Fatalf("error %v: a failing API server must not look like a bad token", err)
	}
	k.fail = nil
	if _, err := accounts.Authenticate(t.Context(), token); err != nil {
		t.Fatal(err)
	}
}

func TestLastUseIsWrittenOnceAMinute(t *testing.T) {
	secret, err := login.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now, store := noon, &tokens{token: login.Token{ID: "1", User: "a@b", Home: "a", Hash: login.HashSecret(secret)}}
	a := &login.Authenticator{Tokens: store, Now: func() time.Time { return now }}
	for range 120 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		if _, err := a.Authenticate(r); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if store.touched != 2 {
		t.Errorf("written %d times in two minutes", store.touched)
	}
}
