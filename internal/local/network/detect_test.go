package network_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/network"
)

func TestDetect(t *testing.T) {
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	trusted := fstest.MapFS{bundle[1:]: file("PEM")}
	with := func(name, text string) fstest.MapFS {
		return fstest.MapFS{bundle[1:]: file("PEM"), name: file(text)}
	}
	cases := map[string]struct {
		given config.Network
		files fstest.MapFS
		env   map[string]string
		want  network.Found
	}{
		"a plain host": {files: trusted, want: network.Found{Network: config.Network{TrustBundle: bundle}}},
		"a host without a trust store": {
			want: network.Found{Warnings: []string{"no trust store found on this host: pods trust only what their images bring; set network.trustBundle"}},
		},
		"a bundle of the user's": {
			files: fstest.MapFS{"opt/corp.pem": file("PEM"), bundle[1:]: file("PEM")}, env: map[string]string{"SSL_CERT_FILE": "/opt/corp.pem"},
			want: network.Found{Network: config.Network{TrustBundle: "/opt/corp.pem"}},
		},
		"a proxy elsewhere": {
			files: trusted, env: map[string]string{"HTTPS_PROXY": "http://proxy.corp:3128", "no_proxy": "corp, 10.0.0.1"},
			want: network.Found{Network: config.Network{TrustBundle: bundle, HTTPSProxy: "http://proxy.corp:3128", NoProxy: "corp,10.0.0.1,.svc,10.120.0.1"}},
		},
		"a proxy that sudo dropped": {
			files: with("etc/environment", "# comment\nhttp_proxy=\"http://proxy.corp:3128\"\n"),
			want:  network.Found{Network: config.Network{TrustBundle: bundle, HTTPProxy: "http://proxy.corp:3128", NoProxy: ".svc,10.120.0.1"}},
		},
		"a proxy on the loopback, for both": {
			files: trusted, env: map[string]string{"http_proxy": "http://user:pw@127.0.0.1:3128", "https_proxy": "localhost:3128"},
			want: network.Found{
				Network: config.Network{TrustBundle: bundle, HTTPProxy: "http://user:pw@10.120.0.1:18800", HTTPSProxy: "http://10.120.0.1:18800", NoProxy: ".svc,10.120.0.1"},
				Relays:  []network.Relay{{Target: "127.0.0.1:3128", Port: 18800}},
			},
		},
		"pip by variables, with folders that only the host has": {
			files: trusted, env: map[string]string{"PIP_INDEX_URL": "https://pypi.corp/simple", "PIP_FIND_LINKS": "/opt/wheels", "PIP_DEFAULT_TIMEOUT": "180"},
			want: network.Found{
				Network:  config.Network{TrustBundle: bundle, Pip: config.Pip{IndexURL: "https://pypi.corp/simple", Timeout: 180}},
				Warnings: []string{"pip's find-links (/opt/wheels) holds only on this host: left out"},
			},
		},
		"pip by a file with several lines": {
			files: with("etc/pip.conf", "[global]\nindex_url = https://a/simple?x=1\nextra-index-url =\n    https://b/simple\n    https://c/simple\ntrusted-host = a b\n[list]\nindex-url = https://no\n"),
			want: network.Found{Network: config.Network{TrustBundle: bundle, Pip: config.Pip{
				IndexURL: "https://a/simple?x=1", ExtraIndexURLs: []string{"https://b/simple", "https://c/simple"}, TrustedHosts: []string{"a", "b"},
			}}},
		},
		"an index on the loopback": {
			files: with("root/.config/pip/pip.conf", "[global]\nindex-url = http://127.0.0.1:3141/root/pypi/\ntrusted-host = 127.0.0.1\n"),
			want: network.Found{
				Network: config.Network{TrustBundle: bundle, Pip: config.Pip{IndexURL: "http://10.120.0.1:18800/root/pypi/", TrustedHosts: []string{"10.120.0.1"}}},
				Relays:  []network.Relay{{Target: "127.0.0.1:3141", Port: 18800}},
			},
		},
		"the config wins": {
			given: config.Network{TrustBundle: "/mine.pem", HTTPProxy: "http://mine:1", NoProxy: "x", Pip: config.Pip{IndexURL: "https://mine/", Timeout: 3}},
			files: with("etc/pip.conf", "[global]\nindex-url = https://a/simple\ntimeout = 60\n"), env: map[string]string{"http_proxy": "http://other:1", "no_proxy": "y"},
			want: network.Found{Network: config.Network{TrustBundle: "/mine.pem", HTTPProxy: "http://mine:1", NoProxy: "x,.svc,10.120.0.1", Pip: config.Pip{IndexURL: "https://mine/", Timeout: 3}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.files == nil {
				c.files = fstest.MapFS{}
			}
			host := network.Host{Files: c.files, Getenv: func(k string) string { return c.env[k] }, Home: "/root"}
			got := network.Detect(c.given, host, "10.120.0.1", []string{".svc", "10.120.0.1"})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
