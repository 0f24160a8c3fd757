package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/login"
	restapi "github.com/slipway-ml/slipway/internal/rest"
	"github.com/slipway-ml/slipway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// instance is a server that runs against a real API server, as `slipway server`
// does, under its own service account.
type instance struct {
	cfg   *config.Config
	admin kubernetes.Interface
	stop  func() error
}

func (i *instance) url(listener, path string) string {
	return "http://" + i.cfg.Server.Listen[listener] + path
}

// start runs a server on a folder of its own.
func start(t *testing.T) *instance {
	t.Helper()
	rc, dir := testkit.APIServer(t), t.TempDir()
	admin, err := kubernetes.NewForConfig(rc)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{admin: admin, cfg: &config.Config{Server: config.Server{
		Listen:     map[string]string{"console": freePort(t), "cluster": freePort(t), "metrics": freePort(t)},
		Kubeconfig: serverKubeconfig(t, rc, admin, dir), Database: "sqlite:" + filepath.Join(dir, "slipway.db"),
		Objects: config.Objects{Endpoint: "http://127.0.0.1:1"}, AgentImage: "slipway.dev/agent:test",
		Bootstrap: config.Bootstrap{
			Admin: "admin@slipway.local", Profile: "admin",
			TokenFile: filepath.Join(dir, "admin.token"), Kubeconfig: filepath.Join(dir, "user.kubeconfig"),
		},
	}}}
	i.cfg.Server.URL = i.url("console", "")
	bindAdministrator(t, i)
	i.run(t)
	t.Cleanup(func() {
		if err := i.stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return i
}

func (i *instance) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, i.cfg) }()
	i.stop = func() error {
		cancel()
		defer func() { i.stop = func() error { return nil } }()
		return <-ended
	}
	for range 100 {
		select {
		case err := <-ended:
			t.Fatalf("the server ended at once: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		if res, err := http.Get(i.url("metrics", "/readyz")); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("the server did not become ready")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serverKubeconfig is that of service account slipway, whose rights manifests give.
func serverKubeconfig(t *testing.T, rc *rest.Config, admin kubernetes.Interface, dir string) string {
	t.Helper()
	ca, token, file := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token"), filepath.Join(dir, "kubeconfig")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(ca, string(rc.CAData))
	write(token, tokenOf(t, admin, "kubeflow", "slipway"))
	write(file, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x,
clusters: [{name: x, cluster: {server: %q, certificate-authority: %q}}],
users: [{name: x, user: {tokenFile: %q}}], contexts: [{name: x, context: {cluster: x, user: x}}]}`, "https://"+strings.TrimPrefix(rc.Host, "https://"), ca, token))
	return file
}

func tokenOf(t *testing.T, admin kubernetes.Interface, namespace, account string, audiences ...string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	answer, err := admin.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
}

// call answers status and body.
func call(t *testing.T, method, url, token, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, f := range change {
		f(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func adminToken(t *testing.T, i *instance) string {
	t.Helper()
	data, err := os.ReadFile(i.cfg.Server.Bootstrap.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// newTenant makes a namespace with service account default-editor, and an editor in it.
func newTenant(t *testing.T, i *instance, user string) string {
	t.Helper()
	ns, ctx := testkit.Name(t), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	must(i.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}))
	must(i.admin.CoreV1().ServiceAccounts(ns).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default-editor"}}, metav1.CreateOptions{}))
	// No controller sums up kubeflow-edit here, so its parts are bound.
	for _, role := range []string{"kubeflow-pipelines-edit", "kubeflow-pipelines-view", "kubeflow-kubernetes-view"} {
		must(i.admin.RbacV1().RoleBindings(ns).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{
				{Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: "default-editor"},
				{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user},
			},
		}, metav1.CreateOptions{}))
	}
	return ns
}

func TestServer(t *testing.T) {
	i := start(t)
	token := adminToken(t, i)
	ns := newTenant(t, i, "admin@slipway.local")
	pod := tokenOf(t, i.admin, ns, "default-editor", login.Audience)
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	const whoami, runs = "/apis/slipway.dev/v1/whoami", "/apis/v2beta1/runs"
	const viaAPIServer = "/k8s/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy/"
	for name, c := range map[string]struct {
		method, listener, path, token string
		change                        func(*http.Request)
		status                        int
		body                          string
	}{
		"a pod without a token":                 {"GET", "cluster", runs, "", nil, 401, "not logged in"},
		"a pod with its token":                  {"GET", "cluster", runs, pod, nil, 200, "{"},
		"a pod is its service account":          {"GET", "cluster", whoami, pod, nil, 200, `"user":"system:serviceaccount:` + ns + `:default-editor"`},
		"a pod's home is its namespace":         {"GET", "cluster", whoami, pod, nil, 200, `"home_profile":"` + ns + `"`},
		"a pod asks for another namespace":      {"GET", "cluster", runs + "?namespace=admin", pod, nil, 403, "may not list runs"},
		"a token for the API server":            {"GET", "cluster", whoami, tokenOf(t, i.admin, ns, "default-editor"), nil, 200, ns},
		"a token for another audience":          {"GET", "cluster", whoami, tokenOf(t, i.admin, ns, "default-editor", "vault"), nil, 401, "not valid"},
		"a header that names a user":            {"GET", "cluster", whoami, "", func(r *http.Request) { r.Header.Set("kubeflow-userid", "admin@slipway.local") }, 401, "not logged in"},
		"by the Service's name":                 {"GET", "cluster", "/apis/v2beta1/healthz", "", host("ml-pipeline.kubeflow.svc.cluster.local:8888"), 200, "multi_user"},
		"by a rebound name":                     {"GET", "console", whoami, token, host("evil.example:8080"), 421, "not served here"},
		"the admin's token":                     {"GET", "console", whoami, token, nil, 200, `"home_profile":"admin"`},
		"a page of another site":                {"POST", "console", runs, token, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "cross-origin"},
		"no Kubernetes for pods":                {"GET", "cluster", "/k8s/api", token, nil, 404, "no such route"},
		"Kubernetes in the caller's name":       {"GET", "console", "/k8s/api/v1/namespaces/" + ns + "/pods", token, nil, 200, "PodList"},
		"Kubernetes knows the caller":           {"GET", "console", "/k8s/api/v1/namespaces/kubeflow/secrets", token, nil, 403, `admin@slipway.local\" cannot list`},
		"Kubernetes without a token":            {"GET", "console", "/k8s/api", "", nil, 401, "not logged in"},
		"a pod uses the API server itself":      {"GET", "console", "/k8s/api", pod, nil, 403, "use the Kubernetes API itself"},
		"our Service as the API server proxies": {"GET", "console", viaAPIServer + "/apis/slipway.dev/v1/whoami", token, nil, 200, `"user":"admin@slipway.local"`},
		"our Service without a token":           {"GET", "console", viaAPIServer + "/apis/slipway.dev/v1/whoami", "", nil, 401, "not logged in"},
		"health":                                {"GET", "console", "/healthz", "", nil, 200, "ok"},
		"metrics are not the console's":         {"GET", "console", "/metrics", "", nil, 404, "no such route"},
		"an unknown field":                      {"POST", "console", "/apis/slipway.dev/v1/tokens", token, nil, 400, "nonsense: unknown field"},
		"a body that is too large for its route": {"POST", "console", "/apis/slipway.dev/v1/tokens", token, func(r *http.Request) {
			r.Body = io.NopCloser(io.LimitReader(spaces{}, restapi.MaxBody+1))
			r.ContentLength = -1
		}, 413, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			status, body := call(t, c.method, i.url(c.listener, c.path), c.token, `{"nonsense":1}`, change)
			if status != c.status || !strings.Contains(body, c.body) {
				t.Errorf("answer %d %.300s; want %d %s", status, body, c.status, c.body)
			}
		})
	}
	if status, body := call(t, "GET", i.url("metrics", "/metrics"), "", ""); status != 200 || !strings.Contains(body, `slipway_http_requests_total{code="401"`) {
		t.Errorf("metrics: %d %.200s", status, body)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestBootstrapKeepsWhatIsGood(t *testing.T) {
	i := start(t)
	files := i.cfg.Server.Bootstrap
	first := adminToken(t, i)
	for _, file := range []string{files.TokenFile, files.Kubeconfig} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	restart := func() string {
		t.Helper()
		if err := i.stop(); err != nil {
			t.Fatal(err)
		}
		i.run(t)
		return adminToken(t, i)
	}
	if again := restart(); again != first {
		t.Error("a restart changed the token")
	}
	// Lost, revoked or overwritten: a new one.
	if err := os.WriteFile(files.TokenFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := restart()
	if second == first || !login.ValidSecret(second) {
		t.Errorf("token %q after %q", second, first)
	}
	if status, _ := call(t, "GET", i.url("console", "/apis/slipway.dev/v1/whoami"), second, ""); status != 200 {
		t.Errorf("the new token answers %d", status)
	}
	// The kubeconfig follows.
	kube, err := clientcmd.LoadFromFile(files.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if got := kube.AuthInfos["slipway"].Token; got != second {
		t.Errorf("the kubeconfig has token %q, want %q", got, second)
	}
	if got := kube.Clusters["slipway"].Server; got != i.url("console", "/k8s") {
		t.Errorf("the kubeconfig names %s", got)
	}
	profile, err := i.admin.Discovery().RESTClient().Get().AbsPath("/apis/kubeflow.org/v1/profiles/admin").DoRaw(t.Context())
	if err != nil || !bytes.Contains(profile, []byte("admin@slipway.local")) {
		t.Errorf("profile %s, %v", profile, err)
	}
}

func TestTokens(t *testing.T) {
	i := start(t)
	admin := adminToken(t, i)
	tokens := i.url("console", "/apis/slipway.dev/v1/tokens")
	type answer struct{ ID, Name, User, Scope, Token, Message string }
	create := func(token, body string, want int) answer {
		t.Helper()
		status, text := call(t, "POST", tokens, token, body)
		var out answer
		if err := json.Unmarshal([]byte(text), &out); err != nil || status != want {
			t.Fatalf("create %s: %d %s, want %d", body, status, text, want)
		}
		return out
	}
	ci := create(admin, `{"name":"ci"}`, 200)
	reader := create(admin, `{"name":"dash","scope":"read"}`, 200)
	soon := create(admin, fmt.Sprintf(`{"name":"soon","expires_at":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), 200)
	for body, message := range map[string]string{
		`{}`:                                   "name: give",
		`{"name":"x","scope":"write"}`:         `scope "write"`,
		`{"name":"x","user":"root"}`:           `user "root"`,
		`{"name":"x","user":"system:masters"}`: "only people",
		`{"name":"x","expires_at":"2001-01-01T00:00:00Z"}`:             "over already",
		`{"name":"x","expires_at":"tomorrow"}`:                         "expires_at",
		fmt.Sprintf(`{"name":%q}`, strings.Repeat("ä", 101)):           "name: give",
		`{"name":"x","token":"slp_mine"}`:                              "token: unknown field",
		`{"name":"x"`:                                                  "JSON",
		`{"name":"x","user":"Bob@example.com"}`:                        "only people",
		`{"name":"x","user":"system:serviceaccount:kubeflow:slipway"}`: "only people",
	} {
		if got := create(admin, body, 400); !strings.Contains(got.Message, message) {
			t.Errorf("%s: %s, want %s", body, got.Message, message)
		}
	}
	create(reader.Token, `{"name":"more"}`, 403)
	// A token never outlives the one that asked for it.
	if heir := create(soon.Token, `{"name":"heir"}`, 200); heir.Token == "" {
		t.Error("no token")
	}
	_, list := call(t, "GET", tokens, ci.Token, "")
	if strings.Contains(list, "slp_") || strings.Count(list, "expires_at") != 2 {
		t.Errorf("list %s", list)
	}
	// Others' tokens: administrators alone; a stranger sees nothing.
	bob := create(admin, `{"name":"bob's","user":"bob@example.com"}`, 200)
	create(bob.Token, `{"name":"x","user":"admin@slipway.local"}`, 403)
	forbidden, text := call(t, "DELETE", tokens+"/"+ci.ID, bob.Token, "")
	absent, text2 := call(t, "DELETE", tokens+"/nothing", bob.Token, "")
	if forbidden != 404 || absent != 404 || text != text2 {
		t.Errorf("another's token: %d %s; none: %d %s", forbidden, text, absent, text2)
	}
	if status, _ := call(t, "DELETE", tokens+"/"+ci.ID, admin, ""); status != 200 {
		t.Errorf("revoke: %d", status)
	}
	if status, _ := call(t, "GET", tokens, ci.Token, ""); status != 401 {
		t.Errorf("a revoked token answers %d", status)
	}
}

// bindAdministrator gives what the aggregation controller would: none runs here.
func bindAdministrator(t *testing.T, i *instance) {
	t.Helper()
	for _, role := range []string{"slipway-platform-admin", "kubeflow-pipelines-edit", "kubeflow-pipelines-view"} {
		_, err := i.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "test-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "admin@slipway.local"}},
		}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
}

func TestConfigIsStrict(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"no listener":                         {func(c *config.Config) { c.Server.Listen = nil }, "names no listener"},
		"an unknown listener":                 {func(c *config.Config) { c.Server.Listen = map[string]string{"grpc": "127.0.0.1:0"} }, `unknown listener "grpc"`},
		"a bad socket":                        {func(c *config.Config) { c.Server.Listen = map[string]string{"console": "fd:x"} }, "want fd:<number>"},
		"a console for everybody without TLS": {func(c *config.Config) { c.Server.Listen = map[string]string{"console": "0.0.0.0:0"} }, "set server.tls"},
		"no such kubeconfig":                  {func(c *config.Config) { c.Server.Kubeconfig = "/nonexistent" }, "kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &config.Config{Server: config.Server{Listen: map[string]string{"metrics": "127.0.0.1:0"}}}
			c.change(cfg)
			if err := run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": config.APIVersion, "kind": config.Kind, "servr": 1})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file); err == nil || !strings.Contains(err.Error(), "servr") {
		t.Errorf("a misspelled field: %v", err)
	}
}
