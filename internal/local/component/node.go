package component

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/pki"
)

// ContainerdSocket is inside the instance's mount namespace.
const ContainerdSocket = "/run/containerd/containerd.sock"

// CertsD is where containerd looks up how to reach a registry.
func (p Plan) CertsD() string { return p.config("certs.d") }

// containerdConfig: root, socket, pause image, certs.d, CNI programs, CNI config,
// shim, runc.
const containerdConfig = `version = 3
root = "%s"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "%s"
[debug]
  level = "warn"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  use_local_image_pull = true
  max_concurrent_downloads = 6
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "%s"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "%s"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["%s"]
    conf_dir = "%s"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      runtime_path = "%s"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "%s"
        SystemdCgroup = false
`

// cniConfig has neither ipMasq (one static rule on the host does it, without a
// run of nft for each pod) nor portmap. Addresses are forgotten with /run.
const cniConfig = `{"cniVersion": "1.0.0", "name": "slipway", "plugins": [{
  "type": "bridge", "bridge": "%s", "isGateway": true, "hairpinMode": true, "mtu": %d,
  "ipam": {"type": "host-local", "dataDir": "/run/cni", "routes": [{"dst": "0.0.0.0/0"}],
    "ranges": [[{"subnet": "%s", "rangeStart": "%s", "rangeEnd": "%s", "gateway": "%s"}]]}
}]}
`

func containerd(p Plan) Program {
	config := p.config("containerd.toml")
	first, last := p.Networks.PodRange()
	return Program{
		Name: Containerd, Path: filepath.Join(p.Distro, "containerd"), Args: []string{"--config=" + config}, Grace: ShortGrace,
		Env: append(p.outside(), memory("200", "200MiB")...), // shims, runc and CNI plugins inherit it: short lives need no collector
		Files: map[string]string{
			config: fmt.Sprintf(containerdConfig, p.Data.Path("containerd"), ContainerdSocket, images.Pause, p.CertsD(),
				filepath.Join(p.Distro, "cni"), p.Data.Path("cni"), filepath.Join(p.Distro, "containerd-shim-runc-v2"), filepath.Join(p.Distro, "runc")),
			p.Data.Path("cni", "10-slipway.conflist"): fmt.Sprintf(cniConfig, host.Bridge, p.MTU, p.Networks.Pods, first, last, p.Node()),
		},
		Ready: "unix://" + ContainerdSocket,
	}
}

// kubeletConfig: certificates, DNS, cgroup root, resolv.conf.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true, cacheTTL: 2m}
  x509: {clientCAFile: %[1]s}
authorization: {mode: Webhook}
tlsCertFile: %[2]s
tlsPrivateKeyFile: %[2]s
address: %[3]s
healthzBindAddress: 127.0.0.1
containerRuntimeEndpoint: unix://%[4]s
cgroupRoot: /%[5]s
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [%[6]s]
resolvConf: %[7]s
serializeImagePulls: false
maxParallelImagePulls: 4
registryPullQPS: 0
maxPods: 250
podPidsLimit: 8192
kubeAPIQPS: 200
kubeAPIBurst: 400
eventRecordQPS: 50
# Absolute figures: on a large disk that is 90%% full there is room enough.
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi, nodefs.inodesFree: 2%%}
imageGCHighThresholdPercent: 92
imageGCLowThresholdPercent: 88
# What is asked for less often, since one node on one machine changes little.
nodeStatusUpdateFrequency: 30s
nodeLeaseDurationSeconds: 120
volumeStatsAggPeriod: 10m
containerLogMaxSize: 20Mi
containerLogMaxFiles: 3
featureGates: {EventedPLEG: true}
`

func kubelet(p Plan) Program {
	kubeconfig, config, cert := p.config("kubelet.kubeconfig"), p.config("kubelet.yaml"), pki.LeafFile(p.Data.PKI(), "kubelet-server")
	k := p.kube(Kubelet, "--config="+config, "--kubeconfig="+kubeconfig, "--hostname-override="+p.NodeName(), "--node-ip="+p.Node(), "--root-dir=/var/lib/kubelet")
	k.Needs = []string{APIServer, Containerd, PauseImage, Pods}
	k.Files = map[string]string{
		kubeconfig: p.kubeconfig("kubelet"),
		config: fmt.Sprintf(kubeletConfig, pki.CertFile(p.Data.PKI(), pki.Kubernetes), cert, p.Node(), ContainerdSocket,
			host.Mark(p.Instance), p.Networks.Service(10), p.config("resolv.conf")),
		p.config("resolv.conf"): p.ResolvConf(p.Node()),
	}
	k.Env = append(p.outside(), memory("75", "200MiB")...)
	k.Ready = "http://127.0.0.1:10248/healthz"
	return k
}

// ResolvConf names one nameserver, and the host's search domains.
func (p Plan) ResolvConf(nameserver string) string {
	text := "nameserver " + nameserver + "\n"
	if len(p.Search) > 0 {
		text += "search " + strings.Join(p.Search, " ") + "\n"
	}
	return text
}

func proxy(p Plan) Program {
	kubeconfig, config := p.config("kube-proxy.kubeconfig"), p.config("kube-proxy.yaml")
	x := p.kube(Proxy, "--config="+config)
	x.Needs = []string{APIServer}
	// The limits of conntrack belong to the host.
	x.Files = map[string]string{kubeconfig: p.kubeconfig("kube-proxy"), config: fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %s}
clusterCIDR: %s
hostnameOverride: %s
bindAddress: %s
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
nftables: {syncPeriod: 1h, minSyncPeriod: 500ms}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`, kubeconfig, p.Networks.Pods, p.NodeName(), p.Node())}
	x.Env = memory("50", "120MiB")
	x.Ready = "http://127.0.0.1:10249/healthz"
	return x
}

// corefile: node address, kubeconfig. What is not of the cluster goes to the
// supervisor's relay on the loopback, which follows the host's resolver.
const corefile = `.:53 {
    bind %[1]s
    errors
    health 127.0.0.1:8181
    ready 127.0.0.1:8182
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig %[2]s slipway
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 10
    }
    forward . 127.0.0.1:53 {
        max_concurrent 1000
        health_check 60s
    }
    cache 30
    loadbalance
}
`

func dns(p Plan) Program {
	kubeconfig, config := p.config("coredns.kubeconfig"), p.config("Corefile")
	return Program{
		Name: DNS, Needs: []string{APIServer}, Path: filepath.Join(p.Distro, "coredns"), Args: []string{"-conf", config}, Grace: ShortGrace,
		Files: map[string]string{kubeconfig: p.kubeconfig("coredns"), config: fmt.Sprintf(corefile, p.Node(), kubeconfig)},
		Env:   memory("50", "100MiB"),
		Ready: "tcp://" + p.Node() + ":53",
	}
}
