// Package component is the list of bundled programs that make up an instance:
// with which arguments and files each starts, what it needs, and how to see that
// it is ready. All of it is computed from a Plan; nothing here runs anything.
//
// It must not know how processes are started or watched.
package component

import (
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

// Plan is all that the components' arguments depend on.
type Plan struct {
	Instance string
	Data     layout.Dir
	Distro   string // folder of the bundled programs
	Slipway  string // our own program
	Networks host.Networks
	MTU      int
	Network  config.Network // as detected
	Search   []string       // search domains of the host's resolver
	Objects  Keys           // the S3 server's administrator
	Console  *os.File       // the listening socket, handed to the server
}

// Keys are those of an S3 user.
type Keys struct {
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

// Program is one component that is a process.
type Program struct {
	Name  string
	Needs []string
	// Path and Args (without the program's own name); Arg0 where it differs.
	Path string
	Arg0 string
	Args []string
	// Env is added to the common environment.
	Env []string
	// Files are written before each start: path -> text.
	Files map[string]string
	// Pass are descriptors that the process finds from 3 on.
	Pass []*os.File
	// Ready is an address that answers when the program is ready: http(s)://..., tcp://host:port
	// or unix:///path.
	Ready string
	// Grace is how long it may take to end.
	Grace time.Duration
}

// Names of components that others need.
const (
	Etcd       = "etcd"
	Containerd = "containerd"
	APIServer  = "kube-apiserver"
	Controller = "kube-controller-manager"
	Scheduler  = "kube-scheduler"
	Kubelet    = "kubelet"
	Proxy      = "kube-proxy"
	DNS        = "coredns"
	Objects    = "s3"
	Registry   = "registry"
	Netpol     = "netpol"
	Volumes    = "volumes"
	Server     = "server"
)

// ShortGrace is for programs that keep nothing in memory that matters.
const ShortGrace = time.Second

// NodeName is the name of the one node.
func (p Plan) NodeName() string { return host.Mark(p.Instance) }

// Node is its address.
func (p Plan) Node() string { return p.Networks.Node().String() }

// APIServerURL is where everybody finds the API server.
func (p Plan) APIServerURL() string { return "https://" + p.Node() + ":6443" }

// config names a generated file.
func (p Plan) config(elem ...string) string {
	return filepath.Join(append([]string{p.Data.Config()}, elem...)...)
}

// kube is a program of the multi-call binary.
func (p Plan) kube(name string, args ...string) Program {
	return Program{Name: name, Path: filepath.Join(p.Distro, "kube"), Arg0: name, Args: args, Grace: ShortGrace}
}

// Bypass is what must never go through a proxy.
func (p Plan) Bypass() []string {
	return []string{"localhost", "127.0.0.1", p.Networks.Pods.String(), p.Networks.Services.String(), ".svc", ".svc.cluster.local", ".cluster.local", p.Node()}
}

// outside are the variables of those that reach for the outside.
func (p Plan) outside() []string {
	var env []string
	for _, v := range []struct{ name, value string }{
		{"SSL_CERT_FILE", p.trust()}, {"HTTP_PROXY", p.Network.HTTPProxy}, {"HTTPS_PROXY", p.Network.HTTPSProxy}, {"NO_PROXY", p.Network.NoProxy},
	} {
		if v.value != "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env
}

func (p Plan) trust() string { return p.Network.TrustBundle }

// memory sets the garbage collector of a Go program: percent of growth, and a
// soft limit above which it works harder.
func memory(percent, limit string) []string {
	return []string{"GOGC=" + percent, "GOMEMLIMIT=" + limit}
}

// Tasks of the supervisor that programs need.
const (
	Manifests   = "manifests"    // applied
	PauseImage  = "pause-image"  // in containerd
	Pods        = "pods"         // asked to end before containerd does
	Node        = "node"         // ready
	ServerToken = "server-token" // minted
	Images      = "images"       // the bundled ones, in the registry
)

// Programs are all components that are processes, those first that others need.
func Programs(p Plan) []Program {
	return []Program{
		etcd(p), containerd(p), objects(p), registry(p), apiServer(p), controllerManager(p), scheduler(p), kubelet(p), proxy(p), dns(p),
		netpol(p), volumes(p), server(p),
	}
}
