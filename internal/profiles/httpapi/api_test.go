package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/profiles/httpapi"
	"github.com/slipway-ml/slipway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// ada may create profiles; whoever is called X may see profile X.
func serve(t *testing.T) func(user, method, path, body string) (int, string) {
	t.Helper()
	router := authz.NewRouter(authz.Config{
		Authenticate: func(r *http.Request) (login.Identity, error) {
			return login.Identity{User: r.Header.Get("Test-User"), Scope: login.ScopeAll}, nil
		},
		Review: func(_ context.Context, caller login.Identity, what authz.Attributes) (bool, error) {
			return caller.User == "ada" && what.Verb == "create" && what.Namespace == "" ||
				caller.User == what.Namespace && what.Verb == "get", nil
		},
		Audit: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	(&httpapi.API{Profiles: testkit.Client(t)}).Mount(router)
	return func(user, method, path, body string) (int, string) {
		req := httptest.NewRequest(method, "/apis/slipway.dev/v1/profiles"+path, strings.NewReader(body))
		req.Header.Set("Test-User", user)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, req)
		answer, _ := io.ReadAll(w.Result().Body)
		return w.Code, string(answer)
	}
}

func TestAProfileIsMadeAndSeenByItsMembersAlone(t *testing.T) {
	call := serve(t)
	name := testkit.Name(t)
	status, answer := call("ada", http.MethodPost, "", `{"name":"`+name+`","quota":{"requests.cpu":"8"}}`)
	if status != http.StatusOK {
		t.Fatalf("create: %d %s", status, answer)
	}
	var made httpapi.Profile
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		t.Fatal(err)
	}
	want := httpapi.Profile{
		Name: name, Owner: "ada", OwnerKind: "User", Quota: map[string]string{"requests.cpu": "8"},
		State: "Unknown", Message: "being made",
	}
	if diff := cmp.Diff(want, made, cmpopts.IgnoreFields(httpapi.Profile{}, "CreatedAt")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for user, sees := range map[string]bool{name: true, "eve": false} {
		var list struct{ Profiles []httpapi.Profile }
		_, answer := call(user, http.MethodGet, "", "")
		if err := json.Unmarshal([]byte(answer), &list); err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(list.Profiles, func(p httpapi.Profile) bool { return p.Name == name }); got != sees {
			t.Errorf("%s sees it in the list: %v", user, got)
		}
		if status, _ := call(user, http.MethodGet, "/"+name, ""); (status == http.StatusOK) != sees {
			t.Errorf("%s gets it: %d", user, status)
		}
	}
	// Absent and forbidden look alike.
	_, forbidden := call("eve", http.MethodGet, "/"+name, "")
	_, absent := call("eve", http.MethodGet, "/no-such-profile", "")
	if forbidden != absent {
		t.Errorf("forbidden answers %s\nabsent answers %s", forbidden, absent)
	}
}

func TestWhatIsWrongWithARequestIsSaid(t *testing.T) {
	call := serve(t)
	name := testkit.Name(t)
	if status, answer := call("ada", http.MethodPost, "", `{"name":"`+name+`"}`); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, answer)
	}
	for what, tc := range map[string]struct {
		user, body string
		status     int
		says       string
	}{
		"no right":              {"eve", `{"name":"team-x"}`, http.StatusForbidden, "eve may not create profiles.kubeflow.org"},
		"a name that is taken":  {"ada", `{"name":"` + name + `"}`, http.StatusConflict, "exists already"},
		"a bad name":            {"ada", `{"name":"Team X"}`, http.StatusBadRequest, "lower case"},
		"a name S3 refuses":     {"ada", `{"name":"ab"}`, http.StatusBadRequest, "3 to 63"},
		"no name":               {"ada", `{}`, http.StatusBadRequest, "name"},
		"an owner of no kind":   {"ada", `{"name":"team-x","owner_kind":"Robot"}`, http.StatusBadRequest, "owner: kind must be User, Group or ServiceAccount"},
		"an unknown field":      {"ada", `{"name":"team-x","colour":"red"}`, http.StatusBadRequest, "colour: unknown field"},
		"a quota of no number":  {"ada", `{"name":"team-x","quota":{"cpu":"lots"}}`, http.StatusBadRequest, `quota.cpu: \"lots\" is no quantity`},
		"half a ServiceAccount": {"ada", `{"name":"team-x","owner":"robot","owner_kind":"ServiceAccount"}`, http.StatusBadRequest, "namespace"},
	} {
		t.Run(what, func(t *testing.T) {
			status, answer := call(tc.user, http.MethodPost, "", tc.body)
			if status != tc.status || !strings.Contains(answer, tc.says) {
				t.Errorf("%d %s, want %d: %s", status, answer, tc.status, tc.says)
			}
		})
	}
}
