// Package arch holds the import table of ARCHITECTURE.md as a test: which room
// may import which other rooms and libraries, and why.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/slipway-ml/slipway/"

// A rule says what packages below room may import of ours, and which libraries
// they must not reach directly. The longest matching room decides.
type rule struct {
	room  string
	allow []string // prefixes below the module; "." is the room itself
	deny  []string // prefixes of import paths that must not be imported directly
	why   string
}

// Libraries that pure packages must not touch.
var impure = []string{
	"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "database/sql", "net/http", "os", "os/exec",
	"github.com/minio", "modernc.org/sqlite", "github.com/spf13/cobra",
}

var kubernetes = []string{"k8s.io/", "sigs.k8s.io/controller-runtime"}

var table = []rule{
	{room: "api", why: "the contract has no logic and knows nobody"},
	{room: "manifests", why: "embedded files"},
	{room: "internal/version", why: "a string"},
	{room: "internal/config", why: "the file's types"},

	{room: "internal/artifact", deny: impure, why: "pure: URIs, types, values"},
	{room: "internal/why", deny: impure, why: "pure: pod and events to a sentence"},
	{room: "internal/userpod", allow: []string{"api", "internal/config"}, deny: impure, why: "pure: what every user's pod gets"},
	{room: "internal/blob", deny: kubernetes, why: "S3 alone; the agent links it"},
	{room: "internal/sqldb", deny: kubernetes, why: "open, transaction, dialect, cursor, migrations"},
	{room: "internal/rest", deny: kubernetes, why: "one codec; knows no domain"},
	{room: "internal/kube", allow: []string{"api", "manifests"}, why: "apply, patch, conditions"},
	{room: "internal/podlogs", allow: []string{"internal/blob", "internal/rest", "internal/kube", "internal/pipelines/attempt"}, why: "live and archived logs"},
	{room: "internal/login", allow: []string{"internal/sqldb", "internal/rest"}, why: "who are you"},
	{room: "internal/login/httpapi", allow: []string{"internal/login", "internal/authz", "internal/rest"}, why: "the routes of tokens, registered with their needs"},
	{room: "internal/authz", allow: []string{"internal/login", "internal/rest"}, why: "may you"},
	{room: "internal/proxy", allow: []string{"internal/login", "internal/authz", "internal/rest"}, why: "the way to the Kubernetes API and to apps"},
	{room: "internal/images", allow: []string{"internal/rest", "internal/authz", "internal/login", "internal/version", "internal/config"}, why: "bundled images, builder, registry"},

	{room: "internal/pipelines/attempt", deny: impure, why: "the protocol with the agent"},
	{room: "internal/pipelines/ir", allow: []string{"api", "internal/artifact", "internal/pipelines"}, deny: impure, why: "pure"},
	{room: "internal/pipelines/plan", allow: []string{"api", "internal/artifact", "internal/pipelines"}, deny: impure, why: "pure"},
	{room: "internal/pipelines/engine", allow: []string{"api", "internal/artifact", "internal/pipelines"}, deny: impure, why: "pure: which task runs next"},
	{room: "internal/pipelines/podspec", allow: []string{"api", "internal/artifact", "internal/pipelines", "internal/userpod"}, deny: impure, why: "pure: what a step becomes as a pod"},
	{
		room:  "internal/pipelines",
		allow: []string{"api", "internal/pipelines", "internal/artifact", "internal/lineage", "internal/sqldb", "internal/rest", "internal/authz", "internal/login", "internal/blob", "internal/kube", "internal/podlogs", "internal/why", "internal/userpod"},
		why:   "a domain uses shared rooms, never another domain",
	},
	{room: "internal/profiles", allow: []string{"api", "internal/kube", "internal/rest", "internal/authz", "internal/login", "internal/blob", "internal/config", "internal/userpod"}, why: "a domain uses shared rooms, never another domain"},

	{room: "internal/data", allow: []string{"internal/blob", "internal/rest", "internal/authz", "internal/login"}, deny: kubernetes, why: "a profile's bucket over HTTP; knows no pipelines"},

	{room: "internal/agent", allow: []string{"internal/blob", "internal/artifact", "internal/pipelines/attempt", "internal/version"}, deny: kubernetes, why: "small, static, S3 and HTTP only"},
	{room: "internal/client", allow: []string{"api", "internal/version", "internal/rest"}, deny: []string{"database/sql"}, why: "what the CLI and the tests share; speaks HTTP"},
	{room: "internal/cli", allow: []string{"api", "internal/client", "internal/version", "internal/local", "internal/config", "internal/images"}, deny: []string{"database/sql"}, why: "the command line speaks through the client, never a store"},
	{room: "internal/local", allow: []string{"api", "manifests", "internal/config", "internal/kube", "internal/images", "internal/version"}, why: "the supervisor; sees Kubernetes, S3 and OCI"},
	{room: "internal/testkit", allow: []string{"api", "manifests", "internal/kube", "internal/pipelines"}, why: "builders, fake clock, a real API server"},
	{room: "internal/app", allow: []string{"api", "internal", "manifests"}, why: "the only composition root"},
	{room: "cmd/slipway-agent", allow: []string{"internal/agent", "internal/version"}, why: "main"},
	{room: "cmd", allow: []string{"internal/app", "internal/cli", "internal/local", "internal/version"}, why: "main"},
	{room: "test", allow: []string{"api", "internal", "manifests", "test"}, why: "tests may see everything"},
}

type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func within(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }

func ruleFor(path string) *rule {
	var best *rule
	for i := range table {
		if r := &table[i]; within(path, r.room) && (best == nil || len(r.room) > len(best.room)) {
			best = r
		}
	}
	return best
}

func TestImportsFollowTheTable(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		r := ruleFor(path)
		if r == nil {
			t.Errorf("%s: no rule; add its room to the table, with a reason", path)
			continue
		}
		for _, imp := range p.Imports {
			if bad := forbidden(r, imp); bad != "" {
				t.Errorf("%s imports %s: %s (%s: %s)", path, imp, bad, r.room, r.why)
			}
		}
	}
}

func forbidden(r *rule, imp string) string {
	if ours, ok := strings.CutPrefix(imp, module); ok {
		if within(ours, r.room) || slices.ContainsFunc(r.allow, func(a string) bool { return within(ours, a) }) {
			return ""
		}
		return "this room may not"
	}
	for _, d := range r.deny {
		if imp == d || strings.HasPrefix(imp, strings.TrimSuffix(d, "/")+"/") {
			return "this library is denied here"
		}
	}
	return ""
}

// The product never links Kubernetes itself, and the agent no Kubernetes client.
func TestPrograms(t *testing.T) {
	for program, denied := range map[string][]string{
		"cmd/slipway":       {"k8s.io/kubernetes"},
		"cmd/slipway-agent": {"k8s.io/client-go", "k8s.io/api", "sigs.k8s.io/controller-runtime", "modernc.org/sqlite"},
	} {
		cmd := exec.Command("go", "list", "-deps", "./"+program)
		cmd.Dir = "../.."
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", program, err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			for _, d := range denied {
				if dep == d || strings.HasPrefix(dep, d+"/") {
					t.Errorf("%s links %s", program, dep)
				}
			}
		}
	}
}
