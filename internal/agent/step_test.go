package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/testkit"
)

const bucket = "team"

// bench is an object store and the agent's environment in it.
type bench struct {
	store *blob.Store
	env   []string
	dir   string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s3 := testkit.ObjectStore(t)
	s3.MakeBucket(t, bucket)
	store, err := blob.Open(blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: store, dir: t.TempDir()}
	b.env = []string{"PATH=" + os.Getenv("PATH")}
	b.connect(s3.Endpoint, s3.Access, s3.Secret)
	return b
}

func (b *bench) connect(endpoint, access, secret string) {
	b.env = append(b.env, attempt.EnvEndpoint+"="+endpoint, attempt.EnvAccessKey+"="+access, attempt.EnvSecretKey+"="+secret)
}

func (b *bench) put(t *testing.T, key, text string) {
	t.Helper()
	if err := b.store.PutBytes(t.Context(), bucket, key, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) text(t *testing.T, key string) string {
	t.Helper()
	data, err := b.store.Read(t.Context(), bucket, key, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// spec is one attempt; input is a Go value that becomes its ExecutorInput.
func (b *bench) spec(t *testing.T, input any, command ...string) attempt.Spec {
	t.Helper()
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	return attempt.Spec{
		RunID: "run", TaskID: "task", Number: 1, TaskName: "train",
		Bucket: bucket, Prefix: ".slipway/runs/run/task/1", Command: command, ExecutorInput: data,
	}
}

// run executes the attempt and returns the exit code, what it printed, and its outcome.
func (b *bench) run(t *testing.T, spec attempt.Spec, signals chan os.Signal) (int, string, *attempt.Outcome) {
	t.Helper()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Step(t.Context(), append(b.env, attempt.EnvSpec+"="+string(data)), &out, signals)
	raw, err := b.store.Read(t.Context(), bucket, spec.Prefix+"/outcome.json", 1<<20)
	if err != nil {
		return code, out.String(), nil
	}
	o := &attempt.Outcome{}
	if err := json.Unmarshal(raw, o); err != nil {
		t.Fatal(err)
	}
	return code, out.String(), o
}

type object = map[string]any

func TestStepCarriesInputsThroughToOutputs(t *testing.T) {
	b := newBench(t)
	b.put(t, "in/data.csv", "1,2,3\n")
	b.put(t, "in/dir/a/one", "one")
	b.put(t, "in/dir/two", "two")
	at := func(name string) string { return filepath.Join(b.dir, name) }
	input := object{
		"inputs": object{
			"parameterValues": object{"n": 3.0, "text": "it's"},
			"artifacts": object{
				"data": object{"artifacts": []object{{"name": "d", "uri": "s3://team/in/data.csv", "customPath": at("data.csv")}}},
				"dir":  object{"artifacts": []object{{"uri": "s3://team/in/dir", "customPath": at("dir")}}},
				"gone": object{"artifacts": []object{{"uri": "s3://team/in/never-written", "customPath": at("gone")}}},
			},
		},
		"outputs": object{
			"parameters": object{"sum": object{"outputFile": at("out/sum")}, "list": object{"outputFile": at("out/list")}, "none": object{"outputFile": at("out/none")}},
			"artifacts": object{
				"model":   object{"artifacts": []object{{"uri": "s3://team/out/model", "customPath": at("model"), "metadata": object{"given": "kept"}}}},
				"file":    object{"artifacts": []object{{"uri": "s3://team/out/file.html", "customPath": at("sub/file.html")}}},
				"metrics": object{"artifacts": []object{{"uri": "s3://team/out/metrics", "customPath": at("metrics")}}},
			},
			"outputFile": at("meta/output.json"),
		},
	}
	script := `set -e
cat "$1/data.csv" "$1/dir/a/one" "$1/dir/two"; echo
test ! -e "$1/gone"
echo "n=$2 text=$3 home=$MINE secret=$SLIPWAY_S3_SECRET_KEY." >&2
printf ' 42\n' > "$4"
printf '[1, 2]' > "$5"
mkdir -p "$1/model/sub"; printf weights > "$1/model/sub/w"; printf cfg > "$1/model/c"
printf '<p>' > "$1/sub/file.html"
printf '{"parameterValues":{"list":[9.0]},"artifacts":{"model":{"artifacts":[{"name":"best","metadata":{"accuracy":0.9}}]}}}' > "$1/meta/output.json"
`
	spec := b.spec(t, input, "sh", "-c", script, "sh", b.dir)
	spec.Args = []string{
		"{{$.inputs.parameters['n']}}", `<{{$.inputs.parameters["text"]}}>`,
		"{{$.outputs.parameters['sum'].output_file}}", "{{$.outputs.parameters['list'].output_file}}",
	}
	spec.Env = []attempt.EnvVar{{Name: "MINE", Value: "a-{{$.pipeline_task_name}}"}}
	spec.Placeholders = map[string]string{"pipeline_task_name": "train"}
	spec.OutputParameters = map[string]string{"sum": "NUMBER_INTEGER", "list": "LIST", "none": "STRING"}
	html := attempt.ArtifactType{SchemaTitle: "system.HTML", SchemaVersion: "0.0.1"}
	spec.OutputArtifacts = map[string]attempt.ArtifactType{"model": {SchemaTitle: "system.Model"}, "file": html, "metrics": {}}

	code, out, o := b.run(t, spec, nil)
	if code != 0 || o == nil || !o.Succeeded {
		t.Fatalf("exit code %d, outcome %+v, output:\n%s", code, o, out)
	}
	want := "1,2,3\nonetwo\nn=3 text=<it's> home=a-train secret=.\n"
	if out != want {
		t.Errorf("output %q, want %q", out, want)
	}
	if log := b.text(t, spec.Prefix+"/log"); log != want {
		t.Errorf("archived log %q, want %q", log, want)
	}
	if diff := cmp.Diff(map[string]json.RawMessage{"sum": []byte("42"), "list": []byte("[9]")}, o.Parameters); diff != "" {
		t.Error("parameters", diff)
	}
	artifacts := map[string][]attempt.Artifact{
		"model": {{
			Name: "best", Type: attempt.ArtifactType{SchemaTitle: "system.Model"}, URI: "s3://team/out/model",
			Metadata: map[string]any{"given": "kept", "accuracy": 0.9}, CustomPath: at("model"), Size: 10,
		}},
		"file":    {{Name: "file", Type: html, URI: "s3://team/out/file.html", CustomPath: at("sub/file.html"), Size: 3}},
		"metrics": {{Name: "metrics", URI: "s3://team/out/metrics", CustomPath: at("metrics"), Size: -1}},
	}
	if diff := cmp.Diff(artifacts, o.Artifacts); diff != "" {
		t.Error("artifacts", diff)
	}
	if got := b.text(t, "out/model/sub/w") + b.text(t, "out/model/c") + b.text(t, "out/file.html"); got != "weightscfg<p>" {
		t.Errorf("uploaded %q", got)
	}
}

func TestStepFailuresAreOutcomes(t *testing.T) {
	b := newBench(t)
	badNumber, plain := filepath.Join(b.dir, "number"), filepath.Join(b.dir, "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		command []string
		code    int
		message string
	}{
		"the exit code and the last line": {[]string{"sh", "-c", "echo ValueError: no such column; exit 3"}, 3, "the command ended with exit code 3: ValueError: no such column"},
		"a program that is not there":     {[]string{"no-such-program"}, 127, `the image has no program "no-such-program"`},
		"a file that cannot be run":       {[]string{plain}, 126, `"` + plain + `" cannot be run`},
		"a signal":                        {[]string{"sh", "-c", "kill -SEGV $$"}, 139, "the command was ended by signal 11"},
		"an output of the wrong type":     {[]string{"sh", "-c", "echo many > " + badNumber}, 1, "output parameter number: "},
	}
	n := 0
	for name, tc := range tests {
		n++
		t.Run(name, func(t *testing.T) {
			spec := b.spec(t, object{"outputs": object{"parameters": object{"number": object{"outputFile": badNumber}}}}, tc.command...)
			spec.Prefix += fmt.Sprint("-", n)
			spec.OutputParameters = map[string]string{"number": "NUMBER_INTEGER"}
			code, _, o := b.run(t, spec, nil)
			if o == nil || o.Succeeded || o.ExitCode != tc.code || code != tc.code || !strings.HasPrefix(o.Message, tc.message) {
				t.Errorf("exit code %d, outcome %+v; want code %d, message %q", code, o, tc.code, tc.message)
			}
			if o != nil && !strings.Contains(o.LogTail, o.Message) {
				t.Errorf("the log's tail %q does not say why", o.LogTail)
			}
		})
	}
}

func TestStepToldToStopLeavesNoOutcome(t *testing.T) {
	b := newBench(t)
	signals := make(chan os.Signal, 1)
	mark := filepath.Join(b.dir, "mark")
	spec := b.spec(t, object{}, "sh", "-c", "trap 'echo cleaned > "+mark+"; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	time.AfterFunc(300*time.Millisecond, func() { signals <- syscall.SIGTERM })
	code, out, o := b.run(t, spec, signals)
	if o != nil || code != exitInterrupted {
		t.Errorf("exit code %d, outcome %+v, output %q; want %d and none", code, o, out, exitInterrupted)
	}
	if data, err := os.ReadFile(mark); err != nil || string(data) != "cleaned\n" {
		t.Errorf("the command was not told to end: %q, %v", data, err)
	}
	if log := b.text(t, spec.Prefix+"/log"); !strings.HasPrefix(log, "ready\n") {
		t.Errorf("archived log %q", log)
	}
}

func TestOutcomeThatExistsStands(t *testing.T) {
	b := newBench(t)
	spec := b.spec(t, object{}, "true")
	b.put(t, spec.Prefix+"/outcome.json", `{"lost":true}`)
	code, _, o := b.run(t, spec, nil)
	if code != 0 || !o.Lost {
		t.Errorf("exit code %d, outcome %+v; the engine had closed the attempt", code, o)
	}
}

func TestStepOutlastsAnOutageOfTheStore(t *testing.T) {
	b := newBench(t)
	var away atomic.Bool
	target, err := url.Parse(b.endpoint())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	// The signature covers the host, so the proxy leaves it as the client wrote it.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	for i, kv := range b.env {
		if strings.HasPrefix(kv, attempt.EnvEndpoint+"=") {
			b.env[i] = attempt.EnvEndpoint + "=" + front.URL
		}
	}
	away.Store(true)
	time.AfterFunc(2*time.Second, func() { away.Store(false) })
	code, out, o := b.run(t, b.spec(t, object{}, "echo", "done"), nil)
	if code != 0 || o == nil || !o.Succeeded {
		t.Errorf("exit code %d, outcome %+v, output %q", code, o, out)
	}
}

func (b *bench) endpoint() string {
	for _, kv := range b.env {
		if v, ok := strings.CutPrefix(kv, attempt.EnvEndpoint+"="); ok {
			return v
		}
	}
	return ""
}

func TestLogOfManyMegabytesIsKeptInChunks(t *testing.T) {
	kept := map[string][]byte{}
	var out bytes.Buffer
	l := newLogArchive(t.Context(), &out, func(_ context.Context, name string, data []byte) error {
		kept[name] = bytes.Clone(data)
		return nil
	})
	line := strings.Repeat("x", 99) + "\n"
	for range 50_000 {
		if _, err := io.WriteString(l, line); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	var all []byte
	for i := range len(kept) {
		all = append(all, kept[chunkName(i)]...)
	}
	if !bytes.Equal(all, out.Bytes()) || len(kept) != 3 {
		t.Errorf("%d chunks of %d bytes in all, %d were written", len(kept), len(all), out.Len())
	}
	if tail := l.Tail(); len(tail) > tailSize || !strings.HasSuffix(tail, line) || !strings.HasPrefix(tail, "xxx") {
		t.Errorf("tail of %d bytes", len(tail))
	}
}
