package local

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/slipway-ml/slipway/internal/local/component"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/internal/local/pki"
)

// writeConfig writes the effective config, for the server and for people.
func (s *supervisor) writeConfig() error {
	data, err := yaml.Marshal(s.cfg)
	if err != nil {
		return err
	}
	text := append([]byte("# Written by slipway up: what is in effect. Put your own settings into a file\n# of yours and name it with --config.\n"), data...)
	return errors.Join(
		layout.WriteFile(s.dir.Path("slipway.yaml"), text, 0o600),
		layout.WriteFile(s.serverConfig(), text, 0o600),
	)
}

func (s *supervisor) serverConfig() string { return s.dir.Path("server", "slipway.yaml") }

// objectKeys are the S3 administrator's, made once.
func objectKeys(file string) (component.Keys, error) {
	var keys component.Keys
	data, err := os.ReadFile(file)
	if err == nil {
		if err := json.Unmarshal(data, &keys); err != nil || keys.AccessKey == "" || keys.SecretKey == "" {
			return keys, fmt.Errorf("%s is not readable as the keys of the S3 store: delete it, new ones are made then", file)
		}
		return keys, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	keys = component.Keys{AccessKey: "slipway-admin", SecretKey: rand.Text() + rand.Text()}
	if data, err = json.Marshal(keys); err != nil {
		return keys, err
	}
	return keys, layout.WriteFile(file, data, 0o600)
}

// writeKubeconfig gives people their way to Kubernetes: the administrator's client
// certificate, in one file that can be copied.
func writeKubeconfig(dir layout.Dir, server string) error {
	ca, err := os.ReadFile(pki.CertFile(dir.PKI(), pki.Kubernetes))
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(pki.LeafFile(dir.PKI(), component.AdminLeaf))
	if err != nil {
		return err
	}
	cert, key := pem.Decode(leaf)
	if cert == nil {
		return fmt.Errorf("%s is corrupted: delete it", pki.LeafFile(dir.PKI(), component.AdminLeaf))
	}
	encode := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: slipway
  cluster: {server: "%s", certificate-authority-data: %s}
users:
- name: slipway
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: slipway
  context: {cluster: slipway, user: slipway}
current-context: slipway
`, server, encode(ca), encode(pem.EncodeToMemory(cert)), encode(key))
	return layout.WriteFile(dir.Kubeconfig(), []byte(text), 0o600)
}

// addressesOf turns host:port into single addresses, leaving out loopback ones.
func addressesOf(servers []string) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range servers {
		h, _, err := net.SplitHostPort(s)
		if err != nil {
			continue
		}
		if a, err := netip.ParseAddr(h); err == nil && a.Is4() && !a.IsLoopback() {
			list = append(list, netip.PrefixFrom(a, 32))
		}
	}
	return list
}
