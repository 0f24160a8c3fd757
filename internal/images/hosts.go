package images

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Hosts says where containerd looks for images.
type Hosts struct {
	// Registry is the bundled registry's host:port.
	Registry   string
	Credential Credential
	// Mirror is the host:port of a server whose /v2/ serves every host's images out of
	// the bundled registry, told apart by containerd's ?ns= parameter: the server's
	// cluster listener.
	Mirror string
}

// dialTimeout is how long an address is tried; where no registry can be reached,
// an image that can't be had is said so within seconds.
const dialTimeout = "3s"

// direct are the hosts whose images containerd takes from the bundled registry
// itself: they work while the server restarts. Others go by the mirror.
var direct = []string{"docker.io", "registry.k8s.io", "ghcr.io", "quay.io", "gcr.io"}

// ContainerdHosts writes containerd's registry configuration folder (certs.d): the
// bundled registry is asked first, the host itself after. slipway.dev is bundled
// only. Only root may read the files: they hold the node's credential.
//
// What holds in containerd 2.4 (core/remotes/docker/config): keys at the file's top
// level belong to the host itself, which is always tried last; a host table's path
// with override_path takes the place of /v2; the header is sent along as it is.
func ContainerdHosts(dir string, h Hosts) error {
	outside := fmt.Sprintf("dial_timeout = %q\n", dialTimeout)
	own := "http://" + h.Registry + "/v2/" + Host
	files := map[string]string{
		Host:       fmt.Sprintf("server = %q\n%s[header]\n  Authorization = [%q]\n", own, hostKeys, h.basic()),
		"_default": outside + h.table("http://"+h.Mirror+"/v2"),
	}
	for _, host := range direct {
		files[host] = outside + h.table("http://"+h.Registry+"/v2/"+host)
	}
	for host, text := range files {
		if err := writeHosts(filepath.Join(dir, host), text); err != nil {
			return fmt.Errorf("containerd's hosts for %s: %w", host, err)
		}
	}
	return nil
}

const hostKeys = `capabilities = ["pull", "resolve"]
override_path = true
dial_timeout = "2s"
`

// table is a mirror's section of a hosts.toml.
func (h Hosts) table(url string) string {
	return fmt.Sprintf("[host.%q]\n%s[host.%q.header]\n  Authorization = [%q]\n", url, indent(hostKeys), url, h.basic())
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n"
}

func (h Hosts) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(h.Credential.Username+":"+h.Credential.Password))
}

// writeHosts replaces a hosts.toml in one step: containerd reads it at every pull.
func writeHosts(dir, text string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "hosts.toml")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
