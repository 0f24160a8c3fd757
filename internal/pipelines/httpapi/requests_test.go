package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/pipelines"
)

const api = "/apis/v2beta1"

// given makes what the cases refer to: an experiment E, a pipeline P with a
// version V, and a run R of ann.
func given(t *testing.T, w *world) map[string]string {
	t.Helper()
	e := w.ok(t, "ann", "POST", api+"/experiments", `{"display_name":"one"}`).Text(t, "experiment_id")
	p := w.upload("ann", api+"/pipelines/upload?name=greet", "greet.yaml", []byte(greet))
	if p.Status != http.StatusOK {
		t.Fatal(p)
	}
	versions := w.ok(t, "ann", "GET", api+"/pipelines/"+p.Text(t, "pipeline_id")+"/versions", "").JSON(t)
	v := versions["pipeline_versions"].([]any)[0].(map[string]any)["pipeline_version_id"].(string)
	r := w.ok(t, "ann", "POST", api+"/runs", runBody(`,"experiment_id":"`+e+`","runtime_config":{"parameters":{"n":1}}`)).Text(t, "run_id")
	return map[string]string{"E": e, "P": p.Text(t, "pipeline_id"), "V": v, "R": r}
}

func expand(text string, ids map[string]string) string {
	for name, id := range ids {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}

func TestBadRequestsSayWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	ids := given(t, w)
	filter := func(json string) string { return "GET " + api + "/runs?filter=" + url.QueryEscape(json) }
	n1 := `,"runtime_config":{"parameters":{"n":1}}`
	cases := map[string]struct {
		request, body string
		status, code  int
		want          string
	}{
		"unknown field":         {"POST /experiments", `{"display_name":"x","color":1}`, 400, 3, "color: unknown field"},
		"broken JSON":           {"POST /experiments", `{"display_name":`, 400, 3, "not JSON"},
		"no name":               {"POST /experiments", `{"display_name":" "}`, 400, 3, "display_name: must not be empty"},
		"long name":             {"POST /experiments", `{"display_name":"` + strings.Repeat("x", 129) + `"}`, 400, 3, "display_name: 129 characters"},
		"control character":     {"POST /experiments", `{"display_name":"a\u0000b"}`, 400, 3, "display_name: holds"},
		"name taken":            {"POST /experiments", `{"display_name":"one"}`, 409, 6, `"one"`},
		"pipeline name taken":   {"POST /pipelines", `{"name":"greet"}`, 409, 6, `"greet"`},
		"long tag":              {"POST /pipelines", `{"name":"x","tags":{"a":"` + strings.Repeat("x", 64) + `"}}`, 400, 3, "tags.a: 64 characters"},
		"package url":           {"POST /pipelines/{P}/versions", `{"name":"x","package_url":{"pipeline_url":"http://169.254.169.254/"}}`, 400, 3, "package_url"},
		"no spec":               {"POST /pipelines/{P}/versions", `{"name":"x"}`, 400, 3, "pipeline_spec: must not be empty"},
		"version name taken":    {"POST /pipelines/{P}/versions", `{"name":"greet","pipeline_spec":` + greetJSON + `}`, 409, 6, `"greet"`},
		"other pipeline":        {"POST /pipelines/{P}/versions", `{"name":"x","pipeline_id":"y","pipeline_spec":` + greetJSON + `}`, 400, 3, "pipeline_id"},
		"versions left":         {"DELETE /pipelines/{P}", ``, 400, 9, "cascade"},
		"cascade what":          {"DELETE /pipelines/{P}?cascade=perhaps", ``, 400, 3, "cascade"},
		"version elsewhere":     {"GET /pipelines/{P}/versions/none", ``, 404, 5, "none"},
		"no such name":          {"GET /pipelines/names/none", ``, 404, 5, "none"},
		"no such sub route":     {"GET /pipelines/{P}/colors", ``, 404, 5, "colors"},
		"page size":             {"GET /runs?page_size=-1", ``, 400, 3, "page_size"},
		"page size word":        {"GET /runs?page_size=ten", ``, 400, 3, "page_size"},
		"page token":            {"GET /runs?page_token=x", ``, 400, 3, "page_token"},
		"sort":                  {"GET /runs?sort_by=color", ``, 400, 3, "sort_by"},
		"filter text":           {filter(`nonsense`), ``, 400, 3, "filter: "},
		"filter field":          {filter(`{"predicates":[{"op":1}]}`), ``, 400, 3, "filter: predicates[0].op: unknown field"},
		"filter operation":      {filter(`{"predicates":[{"operation":4,"key":"name","string_value":"x"}]}`), ``, 400, 3, "predicates[0]: operation: unknown operation 4"},
		"filter operation word": {filter(`{"predicates":[{"operation":"LIKE","key":"name","string_value":"x"}]}`), ``, 400, 3, `"LIKE"`},
		"filter no key":         {filter(`{"predicates":[{"operation":1,"string_value":"x"}]}`), ``, 400, 3, "key: must not be empty"},
		"filter key":            {filter(`{"predicates":[{"operation":1,"key":"color","string_value":"x"}]}`), ``, 400, 3, `"color"`},
		"filter no value":       {filter(`{"predicates":[{"operation":1,"key":"name"}]}`), ``, 400, 3, "expected one value"},
		"filter two values":     {filter(`{"predicates":[{"operation":1,"key":"name","string_value":"x","int_value":1}]}`), ``, 400, 3, "found 2"},
		"filter list":           {filter(`{"predicates":[{"operation":1,"key":"name","string_values":{"values":["x"]}}]}`), ``, 400, 3, "IN needs a list"},
		"run without name":      {"POST /runs", `{"pipeline_spec":` + greetJSON + n1 + `}`, 400, 3, "display_name"},
		"run without source":    {"POST /runs", `{"display_name":"x"}`, 400, 3, "give one of pipeline_spec"},
		"run with two sources":  {"POST /runs", runBody(`,"pipeline_version_id":"{V}"` + n1), 400, 3, "2 are given"},
		"run's spec":            {"POST /runs", `{"display_name":"x","pipeline_spec":{"root":{}}}`, 400, 3, "pipeline_spec: "},
		"deep in run's spec":    {"POST /runs", strings.Replace(runBody(n1), `"comp-say"}}`, `"comp-nay"}}`, 1), 400, 3, "root.dag.tasks[say]"},
		"missing parameter":     {"POST /runs", runBody(``), 400, 3, "runtime_config.parameters[n]: is missing"},
		"unknown parameter":     {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1,"m":2}}`), 400, 3, "runtime_config.parameters[m]"},
		"wrong kind":            {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":"1"}}`), 400, 3, "runtime_config.parameters[n]"},
		"foreign root":          {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"s3://kf-bob/x"}`), 400, 3, "runtime_config.pipeline_root"},
		"prefix of own bucket":  {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"s3://kf-ann2/x"}`), 400, 3, "outside"},
		"root at an endpoint":   {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"s3://kf-ann/x?endpoint=evil"}`), 400, 3, "outside"},
		"root climbs":           {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"s3://kf-ann/../kf-bob"}`), 400, 3, "outside"},
		"root of another kind":  {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"/etc"}`), 400, 3, "outside"},
		"reserved root":         {"POST /runs", runBody(`,"runtime_config":{"parameters":{"n":1},"pipeline_root":"s3://kf-ann/.slipway/runs"}`), 400, 3, "reserved"},
		"spec's own root":       {"POST /runs", strings.Replace(runBody(n1), `{"pipelineInfo"`, `{"defaultPipelineRoot":"gs://b/x","pipelineInfo"`, 1), 400, 3, "pipeline_spec.defaultPipelineRoot"},
		"service account":       {"POST /runs", runBody(`,"service_account":"../x"` + n1), 400, 3, "service_account"},
		"plugins":               {"POST /runs", runBody(`,"plugins_input":{"mlflow":{}}` + n1), 400, 3, "plugins_input"},
		"empty reference":       {"POST /runs", `{"display_name":"x","pipeline_version_reference":{}}`, 400, 3, "name a pipeline_version_id"},
		"absent version":        {"POST /runs", `{"display_name":"x","pipeline_version_id":"none"}`, 404, 5, "no such pipeline version"},
		"version of another":    {"POST /runs", `{"display_name":"x","pipeline_version_reference":{"pipeline_id":"z","pipeline_version_id":"{V}"},"runtime_config":{"parameters":{"n":1}}}`, 400, 3, "none of pipeline z"},
		"two experiments":       {"POST /runs?experiment_id=other", runBody(`,"experiment_id":"{E}"` + n1), 400, 3, "experiment_id"},
		"absent experiment":     {"POST /runs", runBody(`,"experiment_id":"none"` + n1), 404, 5, "experiment not found"},
		"unknown run field":     {"POST /runs", runBody(`,"runtime_config":{"parameter":{}}`), 400, 3, "runtime_config.parameter: unknown field"},
		"attempt number":        {"GET /apis/v1alpha1/runs/{R}/nodes/x/log", ``, 404, 5, `node "x"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(expand(c.request, ids), " ")
			if !strings.HasPrefix(path, "/apis/") {
				path = api + path
			}
			a := w.do("ann", method, path, expand(c.body, ids))
			if a.Status != c.status {
				t.Fatalf("status %d, want %d: %s", a.Status, c.status, a.Body)
			}
			body := a.JSON(t)
			message, _ := body["message"].(string)
			if int(body["code"].(float64)) != c.code || !strings.Contains(message, c.want) || body["error"] != message {
				t.Errorf("got %s, want code %d and %q", a.Body, c.code, c.want)
			}
			if _, ok := body["details"].([]any); !ok {
				t.Errorf("no details in %s", a.Body)
			}
		})
	}
}

// TestWhatIsAnotherTenantsDoesNotExist compares the answers for ann's objects and
// for none at all: bob must not be able to tell them apart.
func TestWhatIsAnotherTenantsDoesNotExist(t *testing.T) {
	w := newWorld(t)
	ids := given(t, w)
	requests := []string{
		"GET /experiments/{E}", "DELETE /experiments/{E}", "POST /experiments/{E}:archive", "POST /experiments/{E}:unarchive",
		"GET /pipelines/{P}", "DELETE /pipelines/{P}?cascade=true", "PATCH /pipelines/{P}", "GET /pipelines/{P}/versions",
		"POST /pipelines/{P}/versions", "GET /pipelines/{P}/versions/{V}", "PATCH /pipelines/{P}/versions/{V}",
		"DELETE /pipelines/{P}/versions/{V}", "POST /pipelines/upload_version?pipelineid={P}", "GET /runs/{R}", "DELETE /runs/{R}",
		"POST /runs/{R}:archive", "POST /runs/{R}:unarchive", "POST /runs/{R}:terminate", "GET /runs/{R}/tasks", "GET /runs/{R}/tasks/x",
		"GET /runs/{R}/nodes/x/artifacts/y:read", "GET /apis/v1alpha1/runs/{R}/nodes/x/log", "GET /runs?experiment_id={E}",
		"GET /artifacts?run_id={R}", "POST /runs?experiment_id={E}",
	}
	absent := map[string]string{"E": "none", "P": "none", "V": "none", "R": "none"}
	for _, request := range requests {
		t.Run(request, func(t *testing.T) {
			send := func(ids map[string]string) answer {
				method, path, _ := strings.Cut(expand(request, ids), " ")
				if !strings.HasPrefix(path, "/apis/") {
					path = api + path
				}
				return w.do("bob", method, path, "{}")
			}
			theirs, none := send(ids), send(absent)
			if theirs.Status != http.StatusNotFound || theirs.Body != none.Body {
				t.Errorf("theirs: %d %s\nnone: %d %s", theirs.Status, theirs.Body, none.Status, none.Body)
			}
		})
	}
	w.ok(t, "ann", "GET", expand(api+"/pipelines/{P}/versions/{V}", ids), "")
	w.ok(t, "ann", "GET", expand(api+"/runs/{R}", ids), "")
	a := w.do("bob", "POST", api+"/runs", expand(`{"display_name":"x","pipeline_version_id":"{V}"}`, ids))
	b := w.do("bob", "POST", api+"/runs", `{"display_name":"x","pipeline_version_id":"none"}`)
	if a.Status != http.StatusNotFound || a.Body != b.Body {
		t.Errorf("a run of ann's version: %d %s", a.Status, a.Body)
	}
	for _, request := range []string{"GET /runs?namespace=ann", "GET /experiments?namespace=ann", "GET /pipelines?namespace=ann", "GET /artifacts?namespace=ann", "GET /pipelines/names/greet?namespace=ann"} {
		method, path, _ := strings.Cut(request, " ")
		if a := w.do("bob", method, api+path, ""); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", request, a.Status, a.Body)
		}
	}
	if a := w.do("", "GET", api+"/runs", ""); a.Status != http.StatusUnauthorized {
		t.Errorf("nobody listed runs: %d", a.Status)
	}
	if a := w.do("", "GET", api+"/healthz", ""); a.Status != http.StatusOK || a.JSON(t)["multi_user"] != true {
		t.Errorf("healthz: %d %s", a.Status, a.Body)
	}
}

func TestRunsTakeTheirSpecFromWhereTheySay(t *testing.T) {
	w := newWorld(t)
	ids := given(t, w)
	platform := `{"platforms":{"kubernetes":{"deploymentSpec":{"executors":{}}}}}`
	n1 := `"runtime_config":{"parameters":{"n":1}}`
	cases := map[string]struct {
		body    string
		spec    bool // the answer carries the spec, not a reference
		version string
	}{
		"bare":               {`{"display_name":"x","pipeline_spec":` + greetJSON + `,` + n1 + `}`, true, ""},
		"nested":             {`{"display_name":"x","pipeline_spec":{"pipeline_spec":` + greetJSON + `},` + n1 + `}`, true, ""},
		"two documents":      {`{"display_name":"x","pipeline_spec":{"pipeline_spec":` + greetJSON + `,"platform_spec":` + platform + `},` + n1 + `}`, true, ""},
		"camelCase":          {`{"displayName":"x","pipelineSpec":` + greetJSON + `,"runtimeConfig":{"parameters":{"n":1}}}`, true, ""},
		"version":            {`{"display_name":"x","pipeline_version_reference":{"pipeline_id":"{P}","pipeline_version_id":"{V}"},` + n1 + `}`, false, ids["V"]},
		"version alone":      {`{"display_name":"x","pipeline_version_reference":{"pipeline_version_id":"{V}"},` + n1 + `}`, false, ids["V"]},
		"latest":             {`{"display_name":"x","pipeline_version_reference":{"pipeline_id":"{P}"},` + n1 + `}`, false, "latest"},
		"deprecated id":      {`{"display_name":"x","pipeline_version_id":"{V}",` + n1 + `}`, false, ids["V"]},
		"int as double":      {`{"display_name":"x","pipeline_version_id":"{V}","runtime_config":{"parameters":{"n":1.0}}}`, false, ids["V"]},
		"what others decide": {`{"display_name":"x","run_id":"mine","state":"SUCCEEDED","created_at":"2001-01-01T00:00:00Z","pipeline_version_id":"{V}",` + n1 + `}`, false, ids["V"]},
	}
	latest := w.upload("ann", api+"/pipelines/upload_version?name=newer&pipelineid="+ids["P"], "greet.yaml", []byte(greet)).Text(t, "pipeline_version_id")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			created := w.ok(t, "ann", "POST", api+"/runs", expand(c.body, ids))
			id := created.Text(t, "run_id")
			got := w.ok(t, "ann", "GET", api+"/runs/"+id, "").JSON(t)
			if _, ok := got["pipeline_spec"]; ok != c.spec {
				t.Errorf("pipeline_spec in the answer: %v", ok)
			}
			if c.version != "" {
				want := strings.Replace(c.version, "latest", latest, 1)
				if got["pipeline_version_reference"].(map[string]any)["pipeline_version_id"] != want {
					t.Errorf("got %v, want version %s", got["pipeline_version_reference"], want)
				}
			}
			if got["state"] != "PENDING" || id == "mine" || strings.HasPrefix(got["created_at"].(string), "2001") {
				t.Errorf("got %v", got)
			}
			stored, err := w.store.Run(t.Context(), id)
			if err != nil || !strings.Contains(string(stored.Spec), `"greet"`) || stored.CreatedBy != "ann" || stored.Namespace != "ann" {
				t.Errorf("stored %+v, %v", stored, err)
			}
		})
	}
	defaults := w.ok(t, "ann", "GET", api+"/experiments?filter="+url.QueryEscape(`{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":"Default"}]}`), "")
	if defaults.JSON(t)["total_size"] != 1.0 {
		t.Errorf("default experiments: %s", defaults.Body)
	}
}

func TestUploadsAreReadAndRefused(t *testing.T) {
	w := newWorld(t)
	two := greet + "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {}}}}\n"
	good := map[string]struct{ query, file, content, name string }{
		"yaml":          {"name=a", "x.yaml", greet, "a"},
		"json":          {"name=b", "x.json", greetJSON, "b"},
		"two documents": {"name=c", "x.yml", two, "c"},
		"by file name":  {"", "my pipe.yaml", greet, "my pipe"},
		"display name":  {"display_name=d", "x.yaml", greet, "d"},
		"tags":          {"name=e&tags=" + url.QueryEscape(`{"team":"x"}`), "x.yaml", greet, "e"},
	}
	for name, c := range good {
		t.Run(name, func(t *testing.T) {
			a := w.upload("ann", api+"/pipelines/upload?"+c.query, c.file, []byte(c.content))
			if a.Status != http.StatusOK || a.Text(t, "name") != c.name {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	bad := map[string]struct {
		query, file, content string
		status               int
		want                 string
	}{
		"name taken":     {"name=a", "x.yaml", greet, 409, `"a"`},
		"ending":         {"name=z", "x.txt", greet, 400, "expected .yaml"},
		"broken yaml":    {"name=z", "x.yaml", "a: [\nb", 400, "line"},
		"not a pipeline": {"name=z", "x.yaml", "a: b", 400, "x.yaml: "},
		"unknown field":  {"name=z", "x.yaml", greet + "color: red\n", 400, "color"},
		"an Argo object": {"name=z", "x.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", 400, "x.yaml"},
		"bad tags":       {"name=z&tags=x", "x.yaml", greet, 400, "tags"},
		"long name":      {"name=" + strings.Repeat("z", 200), "x.yaml", greet, 400, "name"},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			a := w.upload("ann", api+"/pipelines/upload?"+c.query, c.file, []byte(c.content))
			if a.Status != c.status || !strings.Contains(a.Text(t, "error_message"), c.want) || a.Text(t, "error_details") == "" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	if page := w.ok(t, "ann", "GET", api+"/pipelines", "").JSON(t); page["total_size"] != float64(len(good)) {
		t.Errorf("%v pipelines, want %d", page["total_size"], len(good))
	}
}

func TestListsPageThroughFiltersAndSort(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.ok(t, "ann", "POST", api+"/experiments", fmt.Sprintf(`{"display_name":"e%02d"}`, i))
	}
	filter := url.QueryEscape(`{"predicates":[{"operation":9,"key":"name","stringValue":"E2"}]}`)
	first := w.ok(t, "ann", "GET", api+"/experiments?page_size=4&sort_by="+url.QueryEscape("name desc")+"&filter="+filter, "").JSON(t)
	if n := len(first["experiments"].([]any)); n != 4 || first["total_size"] != 10.0 {
		t.Errorf("%d of %v", n, first["total_size"])
	}
	next := w.ok(t, "ann", "GET", api+"/experiments?page_size=100&sort_by="+url.QueryEscape("name desc")+"&filter="+filter+"&page_token="+first["next_page_token"].(string), "").JSON(t)
	if n := len(next["experiments"].([]any)); n != 6 || next["next_page_token"] != nil {
		t.Errorf("%d, then %v", n, next["next_page_token"])
	}
	twice := url.QueryEscape(filter) // as some clients send it
	if again := w.ok(t, "ann", "GET", api+"/experiments?filter="+twice, "").JSON(t); again["total_size"] != 10.0 {
		t.Errorf("encoded twice: %v", again["total_size"])
	}
	plain := w.ok(t, "ann", "GET", api+"/experiments", "").JSON(t)
	if n := len(plain["experiments"].([]any)); n != 20 || plain["total_size"] != 30.0 {
		t.Errorf("%d of %v by default", n, plain["total_size"])
	}
	if empty := w.ok(t, "bob", "GET", api+"/experiments", ""); strings.TrimSpace(empty.Body) != "{}" {
		t.Errorf("an empty list: %s", empty.Body)
	}
}

func TestARunLivesThroughItsVerbs(t *testing.T) {
	w := newWorld(t)
	run := api + "/runs/" + given(t, w)["R"]
	w.ok(t, "ann", "POST", run+":archive", "")
	if got := w.ok(t, "ann", "GET", run, "").JSON(t); got["storage_state"] != "ARCHIVED" {
		t.Errorf("got %v", got["storage_state"])
	}
	w.ok(t, "ann", "POST", run+":unarchive", "{}")
	w.ok(t, "ann", "POST", run+":terminate", "")
	w.ok(t, "ann", "POST", run+":terminate", "")
	if got := w.ok(t, "ann", "GET", run, "").JSON(t); got["state"] != "CANCELING" {
		t.Errorf("got %v", got["state"])
	}
	held, err := w.store.Acquire(t.Context(), "me", start, start.Add(1e12), 1)
	if err != nil {
		t.Fatal(err)
	}
	held[0].State = pipelines.Canceled
	if err := w.store.Commit(t.Context(), held[0].Lease, pipelines.Change{Run: &held[0]}); err != nil {
		t.Fatal(err)
	}
	if a := w.do("ann", "POST", run+":terminate", ""); a.Status != 400 || a.JSON(t)["code"] != 9.0 || !strings.Contains(a.Body, "has ended (CANCELED)") {
		t.Errorf("terminated again: %d %s", a.Status, a.Body)
	}
	w.ok(t, "ann", "DELETE", run, "")
	if a := w.do("ann", "GET", run, ""); a.Status != 404 {
		t.Errorf("deleted: %d", a.Status)
	}
}
