package component

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipway-ml/slipway/internal/local/pki"
)

func etcd(p Plan) Program {
	ca, cert := pki.CertFile(p.Data.PKI(), pki.Etcd), pki.LeafFile(p.Data.PKI(), "etcd")
	e := p.kube(Etcd,
		"--name=slipway", "--data-dir="+p.Data.Path("etcd"), "--log-level=warn",
		"--listen-client-urls=https://127.0.0.1:2379", "--advertise-client-urls=https://127.0.0.1:2379",
		"--listen-peer-urls=https://127.0.0.1:2380", "--initial-advertise-peer-urls=https://127.0.0.1:2380", "--initial-cluster=slipway=https://127.0.0.1:2380",
		"--listen-metrics-urls=http://127.0.0.1:2381",
		"--client-cert-auth", "--trusted-ca-file="+ca, "--cert-file="+cert, "--key-file="+cert,
		"--peer-client-cert-auth", "--peer-trusted-ca-file="+ca, "--peer-cert-file="+cert, "--peer-key-file="+cert,
		// One member: it need not keep many entries in memory for a slow follower.
		"--snapshot-count=5000", "--auto-compaction-retention=5m", "--quota-backend-bytes=4294967296",
	)
	e.Env = memory("75", "200MiB")
	e.Ready = "http://127.0.0.1:2381/readyz"
	return e
}

// authentication lets nobody in without a credential but to the health endpoints.
const authentication = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
`

// audit records who changed what, or read a Secret; not what the components do all day.
const audit = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
- level: None
  users: ["system:apiserver", "system:kube-scheduler", "system:kube-controller-manager", "system:kube-proxy"]
- level: Metadata
  verbs: [get, list, watch]
  resources: [{group: "", resources: [secrets]}]
- level: None
  verbs: [get, list, watch]
- level: None
  resources:
  - {group: "", resources: [events]}
  - {group: events.k8s.io, resources: [events]}
  - {group: coordination.k8s.io, resources: [leases]}
  - {group: authentication.k8s.io}
  - {group: authorization.k8s.io}
- level: Metadata
`

func apiServer(p Plan) Program {
	dir := p.Data.PKI()
	ca := pki.CertFile(dir, pki.Kubernetes)
	leaf := func(flag, name string) []string {
		return []string{"--" + flag + "-cert-file=" + pki.LeafFile(dir, name), "--" + flag + "-key-file=" + pki.LeafFile(dir, name)}
	}
	args := []string{
		"--advertise-address=" + p.Node(), "--bind-address=" + p.Node(), "--secure-port=6443",
		"--etcd-servers=https://127.0.0.1:2379", "--etcd-cafile=" + pki.CertFile(dir, pki.Etcd),
		"--etcd-certfile=" + pki.LeafFile(dir, "etcd-client"), "--etcd-keyfile=" + pki.LeafFile(dir, "etcd-client"),
		"--encryption-provider-config=" + filepath.Join(dir, pki.EncryptionConfig),
		"--service-cluster-ip-range=" + p.Networks.Services.String(),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + filepath.Join(dir, pki.ServiceAccountKey), "--service-account-signing-key-file=" + filepath.Join(dir, pki.ServiceAccountKey),
		"--tls-cert-file=" + pki.LeafFile(dir, "apiserver"), "--tls-private-key-file=" + pki.LeafFile(dir, "apiserver"),
		"--client-ca-file=" + ca, "--authentication-config=" + p.config("authentication.yaml"),
		"--kubelet-client-certificate=" + pki.LeafFile(dir, "apiserver-kubelet"), "--kubelet-client-key=" + pki.LeafFile(dir, "apiserver-kubelet"),
		"--kubelet-certificate-authority=" + ca, "--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + pki.CertFile(dir, pki.FrontProxy), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--audit-policy-file=" + p.config("audit.yaml"), "--audit-log-path=" + filepath.Join(p.Data.Logs(), "audit.log"), "--audit-log-mode=batch",
		"--audit-log-maxsize=20", "--audit-log-maxbackup=3", "--profiling=false",
	}
	args = append(args, leaf("proxy-client", "front-proxy")...)
	a := p.kube(APIServer, args...)
	a.Needs = []string{Etcd}
	a.Files = map[string]string{p.config("authentication.yaml"): authentication, p.config("audit.yaml"): audit}
	a.Env = memory("75", "500MiB")
	a.Ready = p.APIServerURL() + "/readyz"
	return a
}

// controllers leaves out those that a single node without a cloud never needs.
var controllers = []string{
	"*", "-bootstrap-signer-controller", "-token-cleaner-controller", "-node-ipam-controller", "-ttl-controller",
	"-legacy-serviceaccount-token-cleaner-controller", "-storageversion-garbage-collector-controller",
	"-certificatesigningrequest-approving-controller", "-persistentvolume-expander-controller",
}

func controllerManager(p Plan) Program {
	config, dir := p.config("controller-manager.kubeconfig"), p.Data.PKI()
	c := p.kube(Controller,
		"--kubeconfig="+config, "--authentication-kubeconfig="+config, "--authorization-kubeconfig="+config, "--bind-address=127.0.0.1",
		"--service-account-private-key-file="+filepath.Join(dir, pki.ServiceAccountKey), "--root-ca-file="+pki.CertFile(dir, pki.Kubernetes),
		"--cluster-signing-cert-file="+pki.CertFile(dir, pki.Kubernetes), "--cluster-signing-key-file="+filepath.Join(dir, pki.Kubernetes+".key"),
		"--use-service-account-credentials", "--leader-elect=false", "--controllers="+strings.Join(controllers, ","),
		// One node that renews its lease every 30 s: nothing is won by looking often.
		"--node-monitor-period=30s", "--node-monitor-grace-period=150s", "--terminated-pod-gc-threshold=2000", "--profiling=false",
	)
	c.Needs = []string{APIServer}
	c.Files = map[string]string{config: p.kubeconfig("controller-manager")}
	c.Env = memory("50", "200MiB")
	c.Ready = "https://127.0.0.1:10257/healthz"
	return c
}

func scheduler(p Plan) Program {
	kubeconfig, config := p.config("scheduler.kubeconfig"), p.config("scheduler.yaml")
	s := p.kube(Scheduler, "--config="+config, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig, "--bind-address=127.0.0.1")
	s.Needs = []string{APIServer}
	s.Files = map[string]string{kubeconfig: p.kubeconfig("scheduler"), config: fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %s, qps: 200, burst: 400}
leaderElection: {leaderElect: false}
enableProfiling: false
podMaxBackoffSeconds: 3
`, kubeconfig)}
	s.Env = memory("50", "150MiB")
	s.Ready = "https://127.0.0.1:10259/healthz"
	return s
}

// kubeconfig gives a component its identity: the client certificate of that name.
func (p Plan) kubeconfig(leaf string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: slipway
  cluster: {server: "%s", certificate-authority: %s}
users:
- name: %s
  user: {client-certificate: %s, client-key: %[4]s}
contexts:
- name: slipway
  context: {cluster: slipway, user: %[3]s}
current-context: slipway
`, p.APIServerURL(), pki.CertFile(p.Data.PKI(), pki.Kubernetes), leaf, pki.LeafFile(p.Data.PKI(), leaf))
}
