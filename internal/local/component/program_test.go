package component_test

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/component"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
)

func plan() component.Plan {
	return component.Plan{
		Instance: "test", Data: layout.Dir("/data"), Distro: "/opt/distro", Slipway: "/opt/slipway", MTU: 1400,
		Networks: host.Networks{Pods: netip.MustParsePrefix("10.120.0.0/17"), Services: netip.MustParsePrefix("10.120.128.0/20")},
		Network:  config.Network{TrustBundle: "/etc/ca.crt", HTTPSProxy: "http://proxy:3128", NoProxy: "x"},
		Search:   []string{"corp.example"}, Objects: component.Keys{AccessKey: "admin", SecretKey: "topsecret"},
	}
}

func TestGeneratedFilesParse(t *testing.T) {
	for _, p := range component.Programs(plan()) {
		for path, text := range p.Files {
			var into map[string]any
			var err error
			switch filepath.Ext(path) {
			case ".yaml", ".kubeconfig":
				err = yaml.UnmarshalStrict([]byte(text), &into)
			case ".conflist":
				err = json.Unmarshal([]byte(text), &into)
			}
			if err != nil {
				t.Errorf("%s of %s: %v\n%s", path, p.Name, err, text)
			}
			if strings.Contains(text, "%!") {
				t.Errorf("%s of %s has a bad verb:\n%s", path, p.Name, text)
			}
		}
	}
}

func TestSecretsStayOutOfArguments(t *testing.T) {
	for _, p := range component.Programs(plan()) {
		if strings.Contains(strings.Join(p.Args, " "), "topsecret") {
			t.Errorf("ps shows a secret of %s", p.Name)
		}
	}
}

func TestOnlyThoseWhoReachOutsideGetTheProxy(t *testing.T) {
	for _, p := range component.Programs(plan()) {
		want := p.Name == component.Containerd || p.Name == component.Kubelet || p.Name == component.Server
		if got := strings.Contains(strings.Join(p.Env, " "), "HTTPS_PROXY=http://proxy:3128"); got != want {
			t.Errorf("%s: proxy %v, want %v", p.Name, got, want)
		}
	}
}

func TestEveryKubeconfigHasItsCertificate(t *testing.T) {
	leaves := map[string]bool{}
	for _, l := range component.Leaves(plan()) {
		if leaves[l.Name] {
			t.Errorf("two certificates are called %s", l.Name)
		}
		leaves[l.Name] = true
	}
	for _, p := range component.Programs(plan()) {
		for path, text := range p.Files {
			if filepath.Ext(path) != ".kubeconfig" {
				continue
			}
			_, rest, _ := strings.Cut(text, "client-certificate: /data/pki/")
			if name, _, ok := strings.Cut(rest, ".pem"); !ok || !leaves[name] {
				t.Errorf("%s names the certificate %q, which is not issued", path, name)
			}
		}
	}
}
