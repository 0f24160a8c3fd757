package authz_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// world is a router whose callers are named by their token, and where alice may do
// everything in namespace alice.
type world struct {
	*authz.Router
	audit bytes.Buffer
	asked []authz.Attributes
}

func newWorld() *world {
	w := &world{}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w.Router = authz.NewRouter(authz.Config{
		Authenticate: func(r *http.Request) (login.Identity, error) {
			switch name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); name {
			case "":
				return login.Identity{}, nil
			case "bad":
				return login.Identity{}, login.ErrUnauthenticated
			case "broken":
				return login.Identity{}, errors.New("the database is locked")
			case "reader":
				return login.Identity{User: "alice", Home: "alice", Scope: login.ScopeRead}, nil
			case "homeless":
				return login.Identity{User: "homeless"}, nil
			default:
				return login.Identity{User: name, Home: name}, nil
			}
		},
		Review: func(_ context.Context, caller login.Identity, what authz.Attributes) (bool, error) {
			w.asked = append(w.asked, what)
			if what.Namespace == "unreachable" {
				return false, errors.New("no API server")
			}
			return caller.User == what.Namespace, nil
		},
		Audit: slog.New(slog.NewJSONHandler(&w.audit, nil)), Now: func() time.Time { return now },
	})
	return w
}

func (w *world) call(method, path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(`{"namespace":"alice"}`))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// says answers what the handler sees.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := authz.Body(r)
		fmt.Fprintf(w, "%s id=%s ns=%s caller=%s body=%d err=%v", name, r.PathValue("id"), authz.Namespace(r.Context()), login.Caller(r.Context()).User, len(body), err)
	})
}

func byID(r *http.Request) (string, error) {
	if r.PathValue("id") == "1" {
		return "alice", nil
	}
	return "", fmt.Errorf("run %s: %w", r.PathValue("id"), authz.ErrAbsent)
}

func TestGuard(t *testing.T) {
	mount := func(w *world) {
		need := func(verb string, ns func(*http.Request) (string, error)) authz.Need {
			return authz.Need{Verb: verb, Group: authz.KFP, Resource: "runs", Namespace: ns}
		}
		item := func(verb string) authz.Need { n := need(verb, byID); n.ByID = true; return n }
		w.Handle("GET /healthz", authz.Public("test"), says("health"))
		w.Handle("GET /me", authz.Authenticated, says("me"))
		w.Handle("POST /me", authz.Authenticated, says("me"))
		w.Handle("GET /runs", need("list", authz.InQuery("namespace")), says("list"))
		w.Handle("POST /runs", need("create", func(r *http.Request) (string, error) {
			body, err := authz.Body(r)
			var in struct{ Namespace string }
			return in.Namespace, errors.Join(err, json.Unmarshal(body, &in))
		}), says("create"))
		w.Handle("GET /runs/{id}", item("get"), says("get"))
		w.Handle("POST /runs/{id}:terminate", item("terminate"), says("terminate"))
		w.Handle("GET /nodes/{id}/artifacts/{name}:read", item("readArtifact"), says("read"))
	}
	cases := map[string]struct {
		method, path, token string
		status              int
		body                string // contained
		outcome             string // of the audit line; empty: no line
	}{
		"public routes ask nothing":             {"GET", "/healthz", "", 200, "health", ""},
		"nobody is asked to log in":             {"GET", "/me", "", 401, "not logged in", "unauthenticated"},
		"a bad token":                           {"GET", "/me", "bad", 401, "unknown, expired or revoked", "unauthenticated"},
		"a login that cannot be looked up":      {"GET", "/me", "broken", 500, "internal error", "error"},
		"own things need only a login":          {"GET", "/me", "bob", 200, "caller=bob", "allowed"},
		"a reading token reads own things":      {"GET", "/me", "reader", 200, "caller=alice", "allowed"},
		"a reading token changes nothing":       {"POST", "/me", "reader", 403, "reading alone", "denied"},
		"a list means the home profile":         {"GET", "/runs", "alice", 200, "ns=alice", "allowed"},
		"a list of a namespace":                 {"GET", "/runs?namespace=alice", "alice", 200, "ns=alice", "allowed"},
		"a list of another's namespace":         {"GET", "/runs?namespace=alice", "bob", 403, `bob may not list runs.pipelines.kubeflow.org in namespace \"alice\"`, "denied"},
		"a list without any home":               {"GET", "/runs", "homeless", 400, "name a profile", "invalid"},
		"a review that fails is no refusal":     {"GET", "/runs?namespace=unreachable", "bob", 500, "internal error", "error"},
		"the body names the namespace":          {"POST", "/runs", "alice", 200, "body=21", "allowed"},
		"a reading token creates nothing":       {"POST", "/runs", "reader", 403, "reading alone", "denied"},
		"by id":                                 {"GET", "/runs/1", "alice", 200, "id=1", "allowed"},
		"by id of another's":                    {"GET", "/runs/1", "bob", 404, "run not found", "denied"},
		"by id of nobody's":                     {"GET", "/runs/2", "alice", 404, "run not found", "denied"},
		"a custom verb":                         {"POST", "/runs/1:terminate", "alice", 200, "terminate id=1", "allowed"},
		"a custom verb of another's":            {"POST", "/runs/1:terminate", "bob", 404, "run not found", "denied"},
		"a custom verb by a reading token":      {"POST", "/runs/1:terminate", "reader", 404, "run not found", "denied"},
		"an unknown custom verb":                {"POST", "/runs/1:explode", "alice", 404, "no such route", ""},
		"no custom verb where one is needed":    {"POST", "/runs/1", "alice", 404, "no such route", ""},
		"a colon that is no verb is of the id":  {"GET", "/runs/1:terminate", "alice", 404, "run not found", "denied"},
		"a verb behind several path parameters": {"GET", "/nodes/1/artifacts/a.b:read", "alice", 200, "read id=1", "allowed"},
		"an unknown route":                      {"GET", "/nothing", "alice", 404, "no such route", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			mount(w)
			got := w.call(c.method, c.path, c.token)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.body) {
				t.Errorf("answer %d %s, want %d %s", got.Code, got.Body, c.status, c.body)
			}
			if challenge := got.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (c.status == 401) {
				t.Errorf("challenge %q with status %d", challenge, c.status)
			}
			var line struct {
				Outcome string
				Status  int
			}
			if w.audit.Len() > 0 {
				if err := json.Unmarshal(w.audit.Bytes(), &line); err != nil {
					t.Fatal(err)
				}
			}
			if line.Outcome != c.outcome || (c.outcome != "" && line.Status != c.status) {
				t.Errorf("audit %+v, want outcome %q", line, c.outcome)
			}
		})
	}
}

func TestAbsentAndForbiddenAnswerAlike(t *testing.T) {
	w := newWorld()
	w.Handle("GET /runs/{id}", authz.Need{Verb: "get", Resource: "runs", Namespace: byID, ByID: true}, says("get"))
	forbidden, absent := w.call("GET", "/runs/1", "bob"), w.call("GET", "/runs/2", "bob")
	if diff := cmp.Diff(absent.Body.String(), forbidden.Body.String()); diff != "" || absent.Code != forbidden.Code {
		t.Errorf("absent %d, forbidden %d: %s", absent.Code, forbidden.Code, diff)
	}
	if diff := cmp.Diff(absent.Header(), forbidden.Header()); diff != "" {
		t.Error(diff)
	}
}

func TestAHandlerMayAskForMore(t *testing.T) {
	w := newWorld()
	var got error
	w.Handle("GET /me", authz.Authenticated, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = authz.Check(r.Context(), "get", authz.KFP, "pipelines", "alice")
	}))
	w.call("GET", "/me", "bob")
	if !authz.IsForbidden(got) {
		t.Errorf("bob may get pipelines in alice: %v", got)
	}
	w.call("GET", "/me", "alice")
	if got != nil {
		t.Errorf("alice may not get pipelines in alice: %v", got)
	}
	if err := authz.Check(context.Background(), "get", "", "x", ""); err == nil {
		t.Error("a context of no request was allowed")
	}
}

func TestRoutesWithoutANeedAreRefused(t *testing.T) {
	ns := func(*http.Request) (string, error) { return "a", nil }
	for name, need := range map[string]authz.Need{
		"nothing":             {},
		"no verb":             {Resource: "runs", Namespace: ns},
		"no resource":         {Verb: "get", Namespace: ns},
		"no namespace":        {Verb: "get", Resource: "runs"},
		"public for no cause": authz.Public(""),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the route was registered")
				}
			}()
			newWorld().Handle("GET /x", need, says("x"))
		})
	}
}

func TestAnotherRouterAnswersTheRest(t *testing.T) {
	first, second := newWorld(), newWorld()
	first.Handle("GET /a", authz.Public("test"), says("first"))
	second.Handle("GET /b", authz.Public("test"), says("second"))
	first.Before(second.Router)
	for path, want := range map[string]string{"/a": "first", "/b": "second", "/c": "no such route"} {
		if got := first.call("GET", path, "").Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
	}
	if got := len(first.Routes()); got != 1 {
		t.Errorf("%d routes are known", got)
	}
}

func TestOnlyUnboundedRoutesTakeBodiesOfAnySize(t *testing.T) {
	w := newWorld()
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			rest.WriteError(w, r, rest.BodyError(err, rest.MaxBody))
		}
	})
	w.Handle("POST /a", authz.Public("test"), read)
	w.Handle("POST /b", authz.Public("test").AnySize(), read)
	w.Handle("POST /c", authz.Authenticated, read)
	for path, status := range map[string]int{"/a": 413, "/b": 200, "/c": 413} {
		r := httptest.NewRequest(http.MethodPost, path, io.LimitReader(zeros{}, rest.MaxBody+1))
		r.Header.Set("Authorization", "Bearer alice")
		out := httptest.NewRecorder()
		w.ServeHTTP(out, r)
		if out.Code != status {
			t.Errorf("%s: answer %d, want %d", path, out.Code, status)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
