package network

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-ml/slipway/internal/config"
)

// Host is where settings are read from.
type Host struct {
	Files  fs.FS // the root file system; paths without the leading slash
	Getenv func(string) string
	Home   string
}

// Found are the host's settings, fit for use inside an instance.
type Found struct {
	Network config.Network
	// Relays are ports of the host's loopback that the settings name.
	Relays []Relay
	// Warnings say what was left out and why.
	Warnings []string
}

// Relay makes the host's loopback port reachable under the node's address.
type Relay struct {
	Target string // 127.0.0.1:3128
	Port   int    // on the node
}

// Bundles are where Linux distributions keep all trusted certificates.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// Detect fills what given leaves open from the host. node is the address under
// which pods reach the instance; bypass is what must never go through a proxy.
func Detect(given config.Network, h Host, node string, bypass []string) Found {
	d := &detection{host: h, node: node, found: Found{Network: given}}
	d.environment()
	d.trust()
	d.proxy(bypass)
	d.pip()
	return d.found
}

type detection struct {
	host  Host
	node  string
	found Found
	env   map[string]string // of /etc/environment: sudo drops the user's own
}

func (d *detection) warn(format string, args ...any) {
	d.found.Warnings = append(d.found.Warnings, fmt.Sprintf(format, args...))
}

func (d *detection) environment() {
	d.env = map[string]string{}
	d.eachLine("/etc/environment", func(line string) {
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if ok && !strings.HasPrefix(key, "#") {
			d.env[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	})
}

func (d *detection) eachLine(file string, f func(string)) {
	in, err := d.host.Files.Open(strings.TrimPrefix(path.Clean(file), "/"))
	if err != nil {
		return // not there: nothing is set in it
	}
	defer func() { _ = in.Close() }()
	lines := bufio.NewScanner(io.LimitReader(in, 1<<20))
	for lines.Scan() {
		f(strings.TrimSpace(lines.Text()))
	}
}

// getenv takes the first variable that is set, in either case.
func (d *detection) getenv(names ...string) string {
	for _, n := range names {
		for _, spelling := range []string{n, strings.ToUpper(n)} {
			if v := cmp.Or(d.host.Getenv(spelling), d.env[spelling]); v != "" {
				return v
			}
		}
	}
	return ""
}

func (d *detection) exists(file string) bool {
	info, err := fs.Stat(d.host.Files, strings.TrimPrefix(path.Clean(file), "/"))
	return err == nil && info.Mode().IsRegular()
}

func (d *detection) trust() {
	n := &d.found.Network
	if n.TrustBundle != "" {
		return
	}
	for _, variable := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"} {
		if file := d.host.Getenv(variable); file != "" {
			if d.exists(file) {
				n.TrustBundle = file
				return
			}
			d.warn("%s names %s, which is not a file: left out", variable, file)
		}
	}
	for _, file := range bundles {
		if d.exists(file) {
			n.TrustBundle = file
			return
		}
	}
	d.warn("no trust store found on this host: pods trust only what their images bring; set network.trustBundle")
}

func (d *detection) proxy(bypass []string) {
	n := &d.found.Network
	n.HTTPProxy = d.reachable("http_proxy", cmp.Or(n.HTTPProxy, d.getenv("http_proxy")))
	n.HTTPSProxy = d.reachable("https_proxy", cmp.Or(n.HTTPSProxy, d.getenv("https_proxy")))
	if n.HTTPProxy == "" && n.HTTPSProxy == "" {
		n.NoProxy = ""
		return
	}
	var list []string
	seen := map[string]bool{}
	for _, entry := range append(strings.Split(cmp.Or(n.NoProxy, d.getenv("no_proxy")), ","), bypass...) {
		if entry = strings.TrimSpace(entry); entry != "" && !seen[entry] {
			list, seen[entry] = append(list, entry), true
		}
	}
	n.NoProxy = strings.Join(list, ",")
}

// reachable turns the address of something on the host's loopback into a relayed
// one; others stay as they are.
func (d *detection) reachable(what, address string) string {
	if address == "" {
		return ""
	}
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" {
		d.warn("%s is not an address: left out", what)
		return ""
	}
	if !loopback(u.Hostname()) {
		return address
	}
	if u.Scheme == "https" {
		d.warn("%s is a TLS address on this host's loopback, whose certificate cannot be valid for pods: left out", what)
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	u.Host = net.JoinHostPort(d.node, strconv.Itoa(d.relay(net.JoinHostPort("127.0.0.1", port))))
	return u.String()
}

// relayPorts: the first of those on the node where relays listen.
const relayPorts = 18800

func (d *detection) relay(target string) int {
	for _, r := range d.found.Relays {
		if r.Target == target {
			return r.Port
		}
	}
	port := relayPorts + len(d.found.Relays)
	d.found.Relays = append(d.found.Relays, Relay{Target: target, Port: port})
	return port
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
