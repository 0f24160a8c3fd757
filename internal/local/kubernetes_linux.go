package local

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-ml/slipway/internal/local/cluster"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/internal/local/pki"
)

// kubernetesTasks are what the supervisor does through the API.
type kubernetesTasks struct {
	*generation
	config *rest.Config
	client kubernetes.Interface
}

// kubernetesClient connects from inside, so that no firewall of the host matters.
func (g *generation) kubernetesClient() (*kubernetesTasks, error) {
	config, err := clientcmd.BuildConfigFromFlags("", g.dir.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config.Dial, config.QPS, config.UserAgent = g.netns.DialContext, -1, "slipway-supervisor"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &kubernetesTasks{generation: g, config: config, client: client}, nil
}

func (k *kubernetesTasks) manifests(ctx context.Context, _ func(error)) error {
	a := cluster.Addresses{Node: k.plan.Node(), DNS: k.plan.Networks.Service(10).String()}
	return cluster.Apply(ctx, k.config, a, k.dir.Path("config", "manifests"))
}

// node waits for the node to be ready, and goes on looking.
func (k *kubernetesTasks) node(ctx context.Context, report func(error)) error {
	pause := 100 * time.Millisecond
	for {
		err := cluster.NodeReady(ctx, k.client, k.plan.NodeName())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report(err)
		if err == nil {
			pause = 30 * time.Second
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// serverToken keeps the server's credential fresh. The server's client reads the
// file again every minute.
func (k *kubernetesTasks) serverToken(ctx context.Context, report func(error)) error {
	token, kubeconfig := k.dir.Path("server", "token"), k.cfg.Server.Kubeconfig
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: slipway
  cluster: {server: "%s", certificate-authority: %s}
users:
- name: slipway
  user: {tokenFile: %s}
contexts:
- name: slipway
  context: {cluster: slipway, user: slipway}
current-context: slipway
`, k.plan.APIServerURL(), pki.CertFile(k.dir.PKI(), pki.Kubernetes), token)
	if err := layout.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		return err
	}
	for {
		secret, err := cluster.ServerToken(ctx, k.client)
		if err == nil {
			err = layout.WriteFile(token, []byte(secret), 0o600)
		}
		if err != nil {
			return err
		}
		report(nil)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(cluster.TokenValidity / 3):
			// The same beat renews certificates that end soon.
			if err := k.certificates(); err != nil {
				return err
			}
		}
	}
}

// signalPods asks the first process of every container to end, and waits.
func (g *generation) signalPods() error {
	deadline := time.Now().Add(podGrace)
	asked := map[int]bool{}
	for time.Now().Before(deadline) {
		pids, err := host.PodProcesses(g.cfg.Local.Name)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if !asked[pid] {
				asked[pid] = true
				_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended meanwhile
			}
		}
		select {
		case <-g.ns.Gone():
			return os.ErrNotExist
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
