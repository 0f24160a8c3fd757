package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/httpapi"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is the API on a real store. A caller's bearer token is their name, their
// home the profile of that name, and they may do everything in it and in "shared".
type world struct {
	store   *sqlstore.Store
	handler http.Handler
	seconds atomic.Int64 // the clock advances by one each time it is read
	ids     atomic.Int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{}
	if w.store, err = sqlstore.New(t.Context(), db, w.now); err != nil {
		t.Fatal(err)
	}
	router := authz.NewRouter(authz.Config{
		Authenticate: func(r *http.Request) (login.Identity, error) {
			user := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			return login.Identity{User: user, Home: user, Via: login.ViaToken}, nil
		},
		Review: func(_ context.Context, caller login.Identity, what authz.Attributes) (bool, error) {
			return what.Namespace == caller.Home || what.Namespace == "shared", nil
		},
		Audit: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	httpapi.New(httpapi.Deps{
		Store: w.store, Clock: w.now, NewID: func() string { return fmt.Sprintf("id-%04d", w.ids.Add(1)) },
		BucketPrefix: "kf-", Version: "test",
		Log: func(_ context.Context, run *pipelines.Run, a pipelines.Attempt, follow bool) (io.ReadCloser, error) {
			if a.Number == 9 {
				return nil, pipelines.ErrNotFound
			}
			return io.NopCloser(strings.NewReader(fmt.Sprintf("%s %s %d follow=%v\n", run.Namespace, a.PodName, a.Number, follow))), nil
		},
		OpenArtifact: func(_ context.Context, namespace, uri string) (io.ReadCloser, int64, error) {
			text := namespace + " reads " + uri
			return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
		},
	}).Mount(router)
	w.handler = router
	return w
}

func (w *world) now() time.Time { return start.Add(time.Duration(w.seconds.Add(1)) * time.Second) }

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON is the answer's body as a tree.
func (a answer) JSON(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return out
}

// Text is a field of the answer that is a text.
func (a answer) Text(t *testing.T, field string) string {
	t.Helper()
	text, ok := a.JSON(t)[field].(string)
	if !ok {
		t.Fatalf("no %s in %s", field, a.Body)
	}
	return text
}

func (w *world) do(user, method, path, body string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	return w.send(user, r)
}

func (w *world) send(user string, r *http.Request) answer {
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// ok is do for a request that must succeed.
func (w *world) ok(t *testing.T, user, method, path, body string) answer {
	t.Helper()
	a := w.do(user, method, path, body)
	if a.Status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
	return a
}

func (w *world) upload(user, path, file string, content []byte) answer {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("uploadfile", file)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return answer{Body: err.Error()}
	}
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.send(user, r)
}

// greet is a pipeline with one step, two parameters and no default for n.
const greet = `
pipelineInfo: {name: greet}
schemaVersion: 2.1.0
sdkVersion: kfp-2.14.0
root:
  inputDefinitions:
    parameters:
      n: {parameterType: NUMBER_INTEGER}
      who: {parameterType: STRING, defaultValue: world, isOptional: true}
  dag:
    tasks:
      say:
        taskInfo: {name: say}
        componentRef: {name: comp-say}
components:
  comp-say: {executorLabel: exec-say}
deploymentSpec:
  executors:
    exec-say: {container: {image: "busybox:1", command: [echo, hello]}}
`

// greetJSON is greet as clients put it into a request.
const greetJSON = `{"pipelineInfo":{"name":"greet"},"schemaVersion":"2.1.0","root":{"inputDefinitions":{"parameters":` +
	`{"n":{"parameterType":"NUMBER_INTEGER"},"who":{"parameterType":"STRING","isOptional":true}}},"dag":{"tasks":{"say":` +
	`{"taskInfo":{"name":"say"},"componentRef":{"name":"comp-say"}}}}},"components":{"comp-say":{"executorLabel":"exec-say"}},` +
	`"deploymentSpec":{"executors":{"exec-say":{"container":{"image":"busybox:1","command":["echo","hello"]}}}}}`

// runBody is a request for a run of greetJSON; more is added to it.
func runBody(more string) string {
	return `{"display_name":"a run","pipeline_spec":` + greetJSON + more + `}`
}
