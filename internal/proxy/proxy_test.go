package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/proxy"
)

// seen is what the API server was sent.
type seen struct {
	Path, Query string
	Header      http.Header
}

// start serves the proxy for a caller before an API server that tells what it saw.
func start(t *testing.T, caller login.Identity) *httptest.Server {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echo(w, r)
			return
		}
		w.Header().Set("Set-Cookie", "a=b")
		_ = json.NewEncoder(w).Encode(seen{r.URL.EscapedPath(), r.URL.RawQuery, r.Header})
	}))
	t.Cleanup(api.Close)
	k, err := proxy.NewKubernetes(&rest.Config{Host: api.URL, BearerToken: "the-servers-own"})
	if err != nil {
		t.Fatal(err)
	}
	console := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.ServeHTTP(w, r.WithContext(login.WithCaller(r.Context(), caller)))
	}))
	t.Cleanup(console.Close)
	return console
}

// echo is an upgraded connection that sends back what it gets.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(buffer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-User: %s\r\n\r\n", r.Header.Get("Upgrade"), r.Header.Get("Impersonate-User"))
	_ = buffer.Flush()
	line, _ := buffer.ReadString('\n')
	_, _ = io.WriteString(conn, line)
}

func get(t *testing.T, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

var alice = login.Identity{User: "alice@example.com", Groups: []string{"oidc:team"}, Scope: login.ScopeAll}

func TestTheCallerIsImpersonated(t *testing.T) {
	console := start(t, alice)
	res, body := get(t, console.URL+"/k8s/api/v1/namespaces/a%2Fb/pods?labelSelector=a%3Db;c&watch=1", map[string]string{
		"Authorization": "Bearer slp_secret", "Cookie": "session=1", "X-Remote-User": "root", "X-Remote-Group": "system:masters",
	})
	var got seen
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %s", res.Status, body)
	}
	if got.Path != "/api/v1/namespaces/a%2Fb/pods" || got.Query != "labelSelector=a%3Db;c&watch=1" {
		t.Errorf("path %s?%s", got.Path, got.Query)
	}
	want := map[string][]string{
		"Authorization": {"Bearer the-servers-own"}, "Impersonate-User": {"alice@example.com"}, "Impersonate-Group": {"oidc:team"},
		"Cookie": nil, "X-Remote-User": nil, "X-Remote-Group": nil,
	}
	for name, values := range want {
		if diff := cmp.Diff(values, got.Header.Values(name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if res.Header.Get("Set-Cookie") != "" || res.Header.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("what a pod wrote can act in the console's origin: %v", res.Header)
	}
}

func TestWhatCannotBeImpersonated(t *testing.T) {
	for name, c := range map[string]struct {
		caller login.Identity
		header string
		want   string
	}{
		"a user of Kubernetes' own":  {login.Identity{User: "system:admin"}, "", "system:admin"},
		"a service account":          {login.Identity{User: "system:serviceaccount:a:b"}, "", "use the Kubernetes API itself"},
		"a group of Kubernetes' own": {login.Identity{User: "a@b.c", Groups: []string{"team", "system:masters"}}, "", "system:masters"},
		"a token for reading":        {login.Identity{User: "a@b.c", Scope: login.ScopeRead}, "", "reading alone"},
		"a user in a header":         {alice, "Impersonate-User", "impersonation is not possible"},
		"a group in a header":        {alice, "impersonate-group", "impersonation is not possible"},
		"an extra in a header":       {alice, "Impersonate-Extra-Scopes", "impersonation is not possible"},
	} {
		t.Run(name, func(t *testing.T) {
			console := start(t, c.caller)
			header := map[string]string{}
			if c.header != "" {
				header[c.header] = "root"
			}
			res, body := get(t, console.URL+"/k8s/api", header)
			if res.StatusCode != http.StatusForbidden || !strings.Contains(body, c.want) {
				t.Errorf("answer %s %s", res.Status, body)
			}
		})
	}
}

func TestConnectionsAreUpgraded(t *testing.T) {
	console := start(t, alice)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(console.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /k8s/api/v1/namespaces/a/pods/p/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("X-User") != alice.User {
		t.Fatalf("answer %s %v", res.Status, res.Header)
	}
	fmt.Fprintf(conn, "hello\n")
	if line, err := reader.ReadString('\n'); line != "hello\n" {
		t.Errorf("echo %q, %v", line, err)
	}
}

func TestOwnServicesAreServedHere(t *testing.T) {
	h := proxy.ServicePaths("ml-pipeline")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.EscapedPath(), " ", r.Header.Get("Authorization"))
	}))
	const root = "/k8s/api/v1/namespaces/kubeflow/services/"
	for path, want := range map[string]string{
		root + "ml-pipeline:http/proxy/apis/v2beta1/runs":     "/apis/v2beta1/runs",
		root + "ml-pipeline:http/proxy//apis/v2beta1/runs":    "/apis/v2beta1/runs", // as the kfp client has it
		root + "ml-pipeline/proxy/apis/v2beta1/healthz":       "/apis/v2beta1/healthz",
		root + "http:ml-pipeline:8888/proxy/x":                "/x",
		root + "ml-pipeline:http/proxy":                       "/",
		root + "ml-pipeline:http/proxy/names/a%2Fb":           "/names/a%2Fb",
		"/k8s/apis/v2beta1/runs/a%2Fb":                        "/apis/v2beta1/runs/a%2Fb", // as it has it with a token
		"/k8s/apis/apps/v1/deployments":                       "/k8s/apis/apps/v1/deployments",
		root + "ml-pipeline:http/proxyfoo":                    root + "ml-pipeline:http/proxyfoo",
		root + "ml-pipeline":                                  root + "ml-pipeline",
		root + "ml-pipeline-ui:http/proxy/x":                  root + "ml-pipeline-ui:http/proxy/x",
		root + "minio-service:http/proxy/x":                   root + "minio-service:http/proxy/x",
		"/api/v1/namespaces/kubeflow/services/x/proxy/y":      "/api/v1/namespaces/kubeflow/services/x/proxy/y",
		"/k8s/api/v1/namespaces/a/services/ml-pipeline/proxy": "/k8s/api/v1/namespaces/a/services/ml-pipeline/proxy",
	} {
		t.Run(path, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Authorization", "Bearer t")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Body.String(); got != want+" Bearer t" {
				t.Errorf("served as %s, want %s", got, want)
			}
		})
	}
}
