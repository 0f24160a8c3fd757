// Command netpol enforces NetworkPolicies on this node with kube-router's controller, which turns them into iptables chains and ipsets. kube-router
// itself would also route, serve BGP and proxy Services; none of that is here.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
	"github.com/coreos/go-iptables/iptables"
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

type settings struct {
	kubeconfig, nodeName, serviceCIDR string
	healthPort                        int
	resync                            time.Duration
}

func main() {
	var s settings
	klog.InitFlags(nil)
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "how to reach the API server (empty: as a pod)")
	flag.StringVar(&s.nodeName, "node-name", "", "this node's name (empty: the host's name)")
	flag.StringVar(&s.serviceCIDR, "service-cidr", "10.96.0.0/12", "the range of Service addresses")
	flag.IntVar(&s.healthPort, "health-port", 20244, "port on loopback whose /healthz answers 200 while rules are kept (0: none)")
	flag.DurationVar(&s.resync, "resync", 5*time.Minute, "how often the rules are written although nothing has changed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "netpol:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if err := filterBridgedTraffic(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(strip))
	controller, err := newController(client, factory, s)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	beats := make(chan *healthcheck.ControllerHeartbeat)
	var workers sync.WaitGroup
	workers.Add(1)
	go controller.Run(beats, ctx.Done(), &workers)
	return serveHealth(ctx, beats, s)
}

// newController needs the node's object, which the kubelet may not have made yet, and registers upstream's handlers on the informers.
func newController(client kubernetes.Interface, factory informers.SharedInformerFactory, s settings) (*netpol.NetworkPolicyController, error) {
	config := options.NewKubeRouterConfig()
	config.EnableIPv4 = true
	config.ClusterIPCIDRs = []string{s.serviceCIDR}
	config.HostnameOverride = s.nodeName
	config.IPTablesSyncPeriod = s.resync
	// The library prefers the host's name to the override; this variable comes before both.
	if err := os.Setenv("NODE_NAME", s.nodeName); err != nil {
		return nil, err
	}
	tables, err := iptables.NewWithProtocol(iptables.ProtocolIPv4)
	if err != nil {
		return nil, fmt.Errorf("iptables: %w", err)
	}
	sets, err := utils.NewIPSet(false)
	if err != nil {
		return nil, fmt.Errorf("ipset: %w", err)
	}
	pods, policies, namespaces := factory.Core().V1().Pods().Informer(), factory.Networking().V1().NetworkPolicies().Informer(), factory.Core().V1().Namespaces().Informer()
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &sync.Mutex{},
		map[core.IPFamily]utils.IPTablesHandler{core.IPv4Protocol: settle(tables, time.Now, time.Minute)}, map[core.IPFamily]utils.IPSetHandler{core.IPv4Protocol: sets})
	if err != nil {
		return nil, err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: controller.PodEventHandler, policies: controller.NetworkPolicyEventHandler, namespaces: controller.NamespaceEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	return controller, nil
}

// filterBridgedTraffic makes iptables see what goes from pod to pod over one bridge. Per network namespace since Linux 5.3.
func filterBridgedTraffic() error {
	const switchFile = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if err := os.WriteFile(switchFile, []byte("1"), 0); err != nil {
		return fmt.Errorf("pods on one bridge can't be kept apart (is the kernel module br_netfilter there?): %w", err)
	}
	return nil
}

// strip keeps of a cached object what the rules are made from.
func strip(object any) (any, error) {
	pod, ok := object.(*core.Pod)
	if !ok {
		return object, nil
	}
	pod.ManagedFields, pod.Annotations = nil, nil
	var containers []core.Container
	for _, c := range pod.Spec.Containers {
		if len(c.Ports) > 0 {
			containers = append(containers, core.Container{Name: c.Name, Ports: c.Ports})
		}
	}
	pod.Spec = core.PodSpec{NodeName: pod.Spec.NodeName, HostNetwork: pod.Spec.HostNetwork, Containers: containers}
	pod.Status = core.PodStatus{Phase: pod.Status.Phase, HostIP: pod.Status.HostIP, PodIP: pod.Status.PodIP, PodIPs: pod.Status.PodIPs}
	return pod, nil
}

// pace is the least time between two writes of the rules: in a burst of pods, one write serves many of them.
const pace = 200 * time.Millisecond

// serveHealth takes the heartbeat at the start of every write of the rules and answers /healthz from the last one. The controller waits until its
// heartbeat is taken and looks at the pods afterwards, so taking it late is what paces the writes.
func serveHealth(ctx context.Context, beats <-chan *healthcheck.ControllerHeartbeat, s settings) error {
	var mu sync.Mutex
	var last time.Time
	failed := make(chan error, 1)
	if s.healthPort != 0 {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			age := time.Since(last)
			mu.Unlock()
			if age > s.resync+time.Minute {
				http.Error(w, "no rules were written for "+age.Round(time.Second).String(), http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ok")
		})
		server := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", s.healthPort), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- server.ListenAndServe() }()
		defer server.Close()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-beats:
			mu.Lock()
			last = time.Now()
			mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(pace):
			}
		}
	}
}
