package component

import (
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-ml/slipway/internal/images"
)

// RegistryAddress is where nodes and the server find the bundled registry.
func (p Plan) RegistryAddress() string { return p.Node() + ":5000" }

// objects is the S3 server.
func objects(p Plan) Program {
	return Program{
		Name: Objects, Path: filepath.Join(p.Distro, "versitygw"), Grace: ShortGrace,
		Args:  []string{"--port", p.Node() + ":9000", "--quiet", "--iam-dir", p.Data.Path("s3", "users"), "--health", "/healthz", "posix", p.Data.Path("s3", "buckets")},
		Env:   append(memory("50", "150MiB"), "ROOT_ACCESS_KEY="+p.Objects.AccessKey, "ROOT_SECRET_KEY="+p.Objects.SecretKey),
		Ready: "http://" + p.Node() + ":9000/healthz",
	}
}

// registry starts with what images.PrepareRegistry wrote.
func registry(p Plan) Program {
	return Program{
		Name: Registry, Path: filepath.Join(p.Distro, "registry"), Grace: ShortGrace,
		Args: []string{"serve", p.Data.Path("registry", "config.yml")}, Env: images.RegistryEnv,
		Ready: "tcp://" + p.RegistryAddress(),
	}
}

// netpol keeps the rules of NetworkPolicies.
func netpol(p Plan) Program {
	kubeconfig := p.config("netpol.kubeconfig")
	return Program{
		Name: Netpol, Needs: []string{Node, Manifests}, Path: filepath.Join(p.Distro, "netpol"), Grace: ShortGrace,
		Args:  []string{"--kubeconfig=" + kubeconfig, "--node-name=" + p.NodeName(), "--service-cidr=" + p.Networks.Services.String()},
		Files: map[string]string{kubeconfig: p.kubeconfig("netpol")},
		Env:   memory("50", "100MiB"),
		Ready: "http://127.0.0.1:20244/healthz",
	}
}

// volumes makes a folder for each claim.
func volumes(p Plan) Program {
	kubeconfig := p.config("volumes.kubeconfig")
	return Program{
		Name: Volumes, Needs: []string{Manifests}, Path: filepath.Join(p.Distro, "volumes"), Grace: ShortGrace,
		Args:  []string{"--kubeconfig=" + kubeconfig, "--path=" + p.Data.Path("volumes"), "--node-name=" + p.NodeName()},
		Files: map[string]string{kubeconfig: p.kubeconfig("volumes")},
		Env:   memory("50", "60MiB"),
	}
}

// serverGrace: the server lets calls end for 3 s.
const serverGrace = 3500 * time.Millisecond

// server is the product itself. Its console was opened on the host.
func server(p Plan) Program {
	return Program{
		Name: Server, Needs: []string{Manifests, ServerToken, Objects, Registry}, Path: p.Slipway, Grace: serverGrace,
		Args:  []string{"server", "--config", p.Data.Path("server", "slipway.yaml")},
		Env:   append(p.outside(), memory("50", "100MiB")...),
		Pass:  []*os.File{p.Console},
		Ready: "http://127.0.0.1:9090/readyz",
	}
}
