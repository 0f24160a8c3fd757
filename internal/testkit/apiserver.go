package testkit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	kruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/manifests"
)

// server is the API server of this test process: started by the first test that
// asks for it, stopped by Main.
var server struct {
	once sync.Once
	env  *envtest.Environment
	cfg  *rest.Config
	err  error
	main bool
}

// Main runs a package's tests and then stops the API server, if one was started:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	server.main = true
	code := m.Run()
	if server.env != nil {
		if err := server.env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}
	os.Exit(code)
}

// APIServer returns an administrator's configuration for a kube-apiserver with
// etcd (no controllers, no kubelet), in which our manifests are applied. All tests
// of a package share it, so a test uses names of its own: see Name. It is skipped
// where the bundled programs are not built, except under CI.
func APIServer(t testing.TB) *rest.Config {
	t.Helper()
	if !server.main {
		t.Fatal("testkit.APIServer needs TestMain to call testkit.Main, which stops it")
	}
	program := Program(t, "kube")
	server.once.Do(func() { server.err = start(program) })
	if server.err != nil {
		t.Fatalf("start the API server: %v", server.err)
	}
	return rest.CopyConfig(server.cfg)
}

// Client returns an administrator's client of APIServer that knows Kubernetes' own
// kinds and ours.
func Client(t testing.TB) client.Client {
	t.Helper()
	c, err := client.New(APIServer(t), client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Scheme knows Kubernetes' own kinds and ours.
func Scheme() *kruntime.Scheme {
	scheme := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{clientgoscheme.AddToScheme, profilev1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
}

// Program is the path of a bundled program, for example kube or versitygw.
func Program(t testing.TB, name string) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(file), "..", "..", "bin", "distro", name)
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("bin/distro/%s is missing: run make distro", name)
		}
		t.Skipf("bin/distro/%s is not built: run make distro", name)
	}
	return program
}

func start(program string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	// envtest looks for programs by their own names; kube goes by the one it is called.
	names, err := os.MkdirTemp("", "slipway-testkit-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(names) }()
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if err := os.Symlink(program, filepath.Join(names, name)); err != nil {
			return err
		}
	}
	env := &envtest.Environment{BinaryAssetsDirectory: names, ControlPlaneStartTimeout: time.Minute}
	env.ControlPlane.GetAPIServer().Configure().Set("authorization-mode", "RBAC")
	cfg, err := env.Start()
	if err != nil {
		return err
	}
	server.env, server.cfg = env, cfg
	return kube.ApplyManifests(ctx, cfg, manifests.FS)
}
