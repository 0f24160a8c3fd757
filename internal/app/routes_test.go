package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/httpapi"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
	"github.com/slipway-ml/slipway/manifests"
)

// rules are what the shipped ClusterRoles sum up to, as the aggregation controller
// would have it.
func rules(t *testing.T, name string) []rbacv1.PolicyRule {
	t.Helper()
	objects, err := kube.ReadManifests(manifests.FS)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]*rbacv1.ClusterRole{}
	for _, o := range objects {
		if o.GetKind() == "ClusterRole" {
			roles[o.GetName()] = asRole(t, o)
		}
	}
	var sum func(name string) []rbacv1.PolicyRule
	sum = func(name string) []rbacv1.PolicyRule {
		role := roles[name]
		out := slices.Clone(role.Rules)
		if role.AggregationRule == nil {
			return out
		}
		for _, selector := range role.AggregationRule.ClusterRoleSelectors {
			for other, r := range roles {
				for label, value := range selector.MatchLabels {
					if r.Labels[label] == value {
						out = append(out, sum(other)...)
					}
				}
			}
		}
		return out
	}
	return sum(name)
}

func asRole(t *testing.T, o *unstructured.Unstructured) *rbacv1.ClusterRole {
	t.Helper()
	role := &rbacv1.ClusterRole{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role); err != nil {
		t.Fatal(err)
	}
	return role
}

func allows(rules []rbacv1.PolicyRule, what authz.Attributes) bool {
	has := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return has(r.APIGroups, what.Group) && has(r.Resources, what.Resource) && has(r.Verbs, what.Verb)
	})
}

// roles of callers in profile alice; stranger is the admin of a profile of their own.
var roles = []string{"anonymous", "stranger", "viewer", "editor", "admin"}

// access is the least role that a route of the pipelines API is open to, with a
// request to it. Every registered route must be here: what may be called by whom is
// decided in this table and nowhere by accident.
var access = map[string]struct{ least, path, body string }{
	"GET /apis/v2beta1/healthz": {"anonymous", "/apis/v2beta1/healthz", ""},
	"GET /apis/v1beta1/healthz": {"anonymous", "/apis/v1beta1/healthz", ""},

	"POST /apis/v2beta1/experiments":                               {"editor", "/apis/v2beta1/experiments", `{"display_name":"x","namespace":"alice"}`},
	"GET /apis/v2beta1/experiments":                                {"viewer", "/apis/v2beta1/experiments?namespace=alice", ""},
	"GET /apis/v2beta1/experiments/{experiment}":                   {"viewer", "/apis/v2beta1/experiments/e1", ""},
	"DELETE /apis/v2beta1/experiments/{experiment}":                {"editor", "/apis/v2beta1/experiments/e1", ""},
	"POST /apis/v2beta1/experiments/{experiment}:archive":          {"editor", "/apis/v2beta1/experiments/e1:archive", ""},
	"POST /apis/v2beta1/experiments/{experiment}:unarchive":        {"editor", "/apis/v2beta1/experiments/e1:unarchive", ""},
	"POST /apis/v2beta1/pipelines":                                 {"editor", "/apis/v2beta1/pipelines", `{"display_name":"x","namespace":"alice"}`},
	"POST /apis/v2beta1/pipelines/create":                          {"editor", "/apis/v2beta1/pipelines/create", `{"pipeline":{"namespace":"alice"}}`},
	"POST /apis/v2beta1/pipelines/upload":                          {"editor", "/apis/v2beta1/pipelines/upload?namespace=alice", ""},
	"POST /apis/v2beta1/pipelines/upload_version":                  {"editor", "/apis/v2beta1/pipelines/upload_version?pipelineid=p1", ""},
	"GET /apis/v2beta1/pipelines":                                  {"viewer", "/apis/v2beta1/pipelines?namespace=alice", ""},
	"GET /apis/v2beta1/pipelines/{pipeline}":                       {"viewer", "/apis/v2beta1/pipelines/p1", ""},
	"PATCH /apis/v2beta1/pipelines/{pipeline}":                     {"editor", "/apis/v2beta1/pipelines/p1", "{}"},
	"DELETE /apis/v2beta1/pipelines/{pipeline}":                    {"editor", "/apis/v2beta1/pipelines/p1", ""},
	"GET /apis/v2beta1/pipelines/{pipeline}/{rest}":                {"viewer", "/apis/v2beta1/pipelines/names/p?namespace=alice", ""},
	"POST /apis/v2beta1/pipelines/{pipeline}/versions":             {"editor", "/apis/v2beta1/pipelines/p1/versions", "{}"},
	"GET /apis/v2beta1/pipelines/{pipeline}/versions/{version}":    {"viewer", "/apis/v2beta1/pipelines/p1/versions/v1", ""},
	"PATCH /apis/v2beta1/pipelines/{pipeline}/versions/{version}":  {"editor", "/apis/v2beta1/pipelines/p1/versions/v1", "{}"},
	"DELETE /apis/v2beta1/pipelines/{pipeline}/versions/{version}": {"editor", "/apis/v2beta1/pipelines/p1/versions/v1", ""},

	"POST /apis/v2beta1/runs":                                             {"editor", "/apis/v2beta1/runs", `{"experiment_id":"e1"}`},
	"GET /apis/v2beta1/runs":                                              {"viewer", "/apis/v2beta1/runs?namespace=alice", ""},
	"GET /apis/v2beta1/runs/{run}":                                        {"viewer", "/apis/v2beta1/runs/r1", ""},
	"DELETE /apis/v2beta1/runs/{run}":                                     {"editor", "/apis/v2beta1/runs/r1", ""},
	"POST /apis/v2beta1/runs/{run}:archive":                               {"editor", "/apis/v2beta1/runs/r1:archive", ""},
	"POST /apis/v2beta1/runs/{run}:unarchive":                             {"editor", "/apis/v2beta1/runs/r1:unarchive", ""},
	"POST /apis/v2beta1/runs/{run}:terminate":                             {"editor", "/apis/v2beta1/runs/r1:terminate", ""},
	"GET /apis/v2beta1/runs/{run}/tasks":                                  {"viewer", "/apis/v2beta1/runs/r1/tasks", ""},
	"GET /apis/v2beta1/runs/{run}/tasks/{task}":                           {"viewer", "/apis/v2beta1/runs/r1/tasks/t1", ""},
	"GET /apis/v1alpha1/runs/{run}/nodes/{node}/log":                      {"viewer", "/apis/v1alpha1/runs/r1/nodes/t1/log", ""},
	"GET /apis/v2beta1/artifacts":                                         {"viewer", "/apis/v2beta1/artifacts?namespace=alice", ""},
	"GET /apis/v2beta1/artifacts/{artifact}":                              {"viewer", "/apis/v2beta1/artifacts/a1", ""},
	"GET /apis/v2beta1/runs/{run}/nodes/{node}/artifacts/{artifact}:read": {"viewer", "/apis/v2beta1/runs/r1/nodes/t1/artifacts/out:read", ""},
}

// pipelinesRouter is the API with one object of each kind in profile alice.
func pipelinesRouter(t *testing.T, audit io.Writer, granted map[string][]rbacv1.PolicyRule) *authz.Router {
	t.Helper()
	ctx := t.Context()
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := sqlstore.New(ctx, db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(store.CreateExperiment(ctx, pipelines.Experiment{ID: "e1", Namespace: "alice", DisplayName: "e", StorageState: pipelines.Available}))
	must(store.CreatePipeline(ctx, pipelines.Pipeline{ID: "p1", Namespace: "alice", Name: "p"}))
	must(store.CreatePipelineVersion(ctx, pipelines.PipelineVersion{ID: "v1", PipelineID: "p1", Namespace: "alice", Name: "v", Spec: []byte("{}")}))
	must(store.CreateRun(ctx, pipelines.Run{ID: "r1", Namespace: "alice", ExperimentID: "e1", State: pipelines.Pending, StorageState: pipelines.Available, Spec: []byte("{}")}))
	lease, err := store.Acquire(ctx, "test", time.Now(), time.Now().Add(time.Minute), 1)
	if err != nil || len(lease) != 1 {
		t.Fatalf("lease %v, %v", lease, err)
	}
	if err := store.Commit(ctx, lease[0].Lease, pipelines.Change{
		Tasks:     []pipelines.Task{{ID: "t1", RunID: "r1", Name: "t", Path: "root/t", Type: pipelines.TaskRuntime, State: pipelines.Running}},
		Artifacts: []pipelines.Artifact{{ID: "a1", Namespace: "alice", RunID: "r1", TaskID: "t1", Name: "out", URI: "s3://alice/x"}},
	}); err != nil {
		t.Fatal(err)
	}
	router := authz.NewRouter(authz.Config{
		Authenticate: func(r *http.Request) (login.Identity, error) {
			role := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			return login.Identity{User: role, Home: role}, nil
		},
		Review: func(_ context.Context, caller login.Identity, what authz.Attributes) (bool, error) {
			return what.Namespace == "alice" && allows(granted[caller.User], what), nil
		},
		Audit: slog.New(slog.NewJSONHandler(audit, nil)), Now: time.Now,
	})
	httpapi.New(httpapi.Deps{
		Store: store, Clock: time.Now, NewID: uuid.NewString, Version: "test",
		Log: func(context.Context, *pipelines.Run, pipelines.Attempt, bool) (io.ReadCloser, error) {
			return nil, pipelines.ErrNotFound
		},
		OpenArtifact: func(context.Context, string, string) (io.ReadCloser, int64, error) { return nil, 0, fs.ErrNotExist },
	}).Mount(router)
	return router
}

func TestWhoMayCallWhat(t *testing.T) {
	granted := map[string][]rbacv1.PolicyRule{"viewer": rules(t, "kubeflow-view"), "editor": rules(t, "kubeflow-edit"), "admin": rules(t, "kubeflow-admin")}
	registered := map[string]bool{}
	for _, route := range pipelinesRouter(t, io.Discard, granted).Routes() {
		registered[route.Pattern] = true
		if _, ok := access[route.Pattern]; !ok {
			t.Errorf("route %s is not in the table of who may call what", route.Pattern)
		}
	}
	for pattern := range access {
		if !registered[pattern] {
			t.Errorf("route %s is in the table and not registered", pattern)
		}
	}
	for pattern, a := range access {
		t.Run(pattern, func(t *testing.T) {
			for i, role := range roles {
				audit := &bytes.Buffer{}
				router := pipelinesRouter(t, audit, granted)
				r := httptest.NewRequest(strings.Fields(pattern)[0], a.path, strings.NewReader(a.body))
				if role != "anonymous" {
					r.Header.Set("Authorization", "Bearer "+role)
				}
				w := httptest.NewRecorder()
				router.ServeHTTP(w, r)
				want := i >= slices.Index(roles, a.least)
				if got := outcomeOf(t, audit); (got == "allowed") != want {
					t.Errorf("%s: %s (%d %s), want allowed: %v", role, got, w.Code, w.Body, want)
				}
				if role == "anonymous" && !want && w.Code != http.StatusUnauthorized {
					t.Errorf("anonymous: answer %d, want 401", w.Code)
				}
				if role == "stranger" && !want && w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
					t.Errorf("stranger: answer %d, want 403 or 404", w.Code)
				}
			}
		})
	}
}

// outcomeOf reads the audit line; a public route writes none.
func outcomeOf(t *testing.T, audit *bytes.Buffer) string {
	t.Helper()
	if audit.Len() == 0 {
		return "allowed"
	}
	var line struct{ Outcome string }
	if err := json.Unmarshal(audit.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line.Outcome
}
