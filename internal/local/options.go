package local

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

// Defaults of an instance.
const (
	DefaultName    = host.DefaultInstance
	DefaultConsole = "127.0.0.1:8080"
	dataRoot       = "/var/lib/slipway"
)

// namePattern leaves room for "sw-" in the 15 bytes of a link's name.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,9}$`)

// Complete fills what c.Local leaves open and refuses what cannot work. program is
// the path of slipway: the bundled programs lie beside it.
func Complete(c config.Config, program string) (config.Config, error) {
	c.APIVersion, c.Kind = config.APIVersion, config.Kind
	l := &c.Local
	l.Name = cmp.Or(l.Name, DefaultName)
	if !namePattern.MatchString(l.Name) {
		return c, fmt.Errorf("local.name %q: want up to 10 lower-case letters, digits and hyphens, a letter first", l.Name)
	}
	l.DataDir = cmp.Or(l.DataDir, filepath.Join(dataRoot, l.Name))
	if !filepath.IsAbs(l.DataDir) {
		return c, fmt.Errorf("local.dataDir %q: want an absolute path", l.DataDir)
	}
	l.DataDir = filepath.Clean(l.DataDir)
	l.DistroDir = cmp.Or(l.DistroDir, filepath.Join(filepath.Dir(program), "distro"))
	l.Console = cmp.Or(l.Console, DefaultConsole)
	if h, _, err := net.SplitHostPort(l.Console); err != nil || net.ParseIP(h) == nil {
		return c, fmt.Errorf("local.console %q: want an address with a port, such as %s", l.Console, DefaultConsole)
	}
	return c, nil
}

// networks of the config, invalid where it leaves them open.
func networks(l config.Local) (host.Networks, error) {
	var n host.Networks
	for _, f := range []struct {
		name, text string
		to         *netip.Prefix
	}{{"podCIDR", l.PodCIDR, &n.Pods}, {"serviceCIDR", l.ServiceCIDR, &n.Services}} {
		if f.text == "" {
			continue
		}
		p, err := netip.ParsePrefix(f.text)
		if err != nil {
			return n, fmt.Errorf("local.%s: %w", f.name, err)
		}
		*f.to = p
	}
	return n, nil
}

// effective is the file by which the server runs, and which people read: all that
// was found or chosen.
func effective(c config.Config, n host.Networks, agentImage string) config.Config {
	dir, node := layout.Dir(c.Local.DataDir), n.Node().String()
	c.Local.PodCIDR, c.Local.ServiceCIDR = n.Pods.String(), n.Services.String()
	s := &c.Server
	s.Listen = map[string]string{"console": "fd:3", "cluster": net.JoinHostPort(node, "8888"), "metrics": metricsAddress}
	s.Kubeconfig = filepath.Join(dir.Server(), "kubeconfig")
	s.Database = cmp.Or(s.Database, "sqlite:"+filepath.Join(dir.Server(), "slipway.db"))
	if s.Objects.Endpoint == "" {
		s.Objects = config.Objects{
			Endpoint: "http://" + net.JoinHostPort(node, "9000"), PodEndpoint: "http://minio-service.kubeflow:9000", Region: "us-east-1",
			CredentialsFile: filepath.Join(dir.Server(), "s3.json"), Admin: "versitygw", BucketPrefix: s.Objects.BucketPrefix,
		}
	}
	s.Registry = config.Registry{Endpoint: net.JoinHostPort(node, "5000"), CredentialsFile: images.CredentialFile(dir.Path("registry"))}
	s.AgentImage = cmp.Or(s.AgentImage, agentImage)
	s.Bootstrap = config.Bootstrap{
		Admin: cmp.Or(s.Bootstrap.Admin, "admin@slipway.local"), Profile: cmp.Or(s.Bootstrap.Profile, "admin"),
		TokenFile: dir.AdminToken(), Kubeconfig: dir.Path("user.kubeconfig"),
	}
	s.URL = cmp.Or(s.URL, consoleURL(c.Local.Console))
	if s.TLS.CertFile == "" {
		s.TLS = config.TLS{
			CertFile: filepath.Join(dir.PKI(), consoleLeaf+".pem"), KeyFile: filepath.Join(dir.PKI(), consoleLeaf+".pem"), CAFile: filepath.Join(dir.PKI(), "ca.crt"),
		}
	}
	return c
}

// metricsAddress is inside the instance.
const metricsAddress = "127.0.0.1:9090"

// consoleLeaf is the certificate of the console.
const consoleLeaf = "console"

// consoleURL is plain HTTP on the loopback, where no certificate is trusted, and
// HTTPS elsewhere.
func consoleURL(console string) string {
	h, port, err := net.SplitHostPort(console)
	if err != nil {
		return ""
	}
	scheme := "https"
	ip := net.ParseIP(h)
	if ip.IsLoopback() {
		scheme = "http"
	}
	if ip.IsUnspecified() {
		h = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(h, port)
}

// UpOptions of Up.
type UpOptions struct {
	// Foreground keeps the supervisor in this process until ctx ends.
	Foreground bool
	Version    string
	// Progress is called a few times a second until everything is ready.
	Progress func(Status)
}
