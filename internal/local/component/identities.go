package component

import (
	"net"

	"github.com/slipway-ml/slipway/internal/local/pki"
)

// AdminLeaf is the certificate of people: cluster-admin.
const AdminLeaf = "admin"

// Leaves are the certificates of an instance: who may call itself what.
func Leaves(p Plan) []pki.Leaf {
	node, loopback := ip(p.Node()), ip("127.0.0.1")
	client := func(name, user string, groups ...string) pki.Leaf {
		return pki.Leaf{Name: name, Authority: pki.Kubernetes, CommonName: user, Organizations: groups, Client: true}
	}
	return []pki.Leaf{
		{Name: "etcd", Authority: pki.Etcd, CommonName: "etcd", DNS: []string{"localhost"}, IPs: []net.IP{loopback}, Server: true, Client: true},
		{Name: "etcd-client", Authority: pki.Etcd, CommonName: "kube-apiserver", Client: true},
		{
			Name: "apiserver", Authority: pki.Kubernetes, CommonName: "kube-apiserver", Server: true,
			DNS: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			IPs: []net.IP{node, ip(p.Networks.Service(1).String()), loopback},
		},
		{Name: "kubelet-server", Authority: pki.Kubernetes, CommonName: "system:node:" + p.NodeName(), DNS: []string{p.NodeName()}, IPs: []net.IP{node}, Server: true},
		{Name: "front-proxy", Authority: pki.FrontProxy, CommonName: "front-proxy", Client: true},
		client("apiserver-kubelet", "slipway:apiserver", "slipway:kubelet-api"),
		client(AdminLeaf, "slipway:admin", "system:masters"),
		client("controller-manager", "system:kube-controller-manager"),
		client("scheduler", "system:kube-scheduler"),
		client("kubelet", "system:node:"+p.NodeName(), "system:nodes"),
		client("kube-proxy", "system:kube-proxy"),
		client("coredns", "slipway:coredns"),
		client("netpol", "slipway:netpol"),
		client("volumes", "slipway:volumes"),
	}
}

func ip(s string) net.IP { return net.ParseIP(s) }
