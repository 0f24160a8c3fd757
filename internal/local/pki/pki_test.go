package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/local/pki"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func leaves(ip string) []pki.Leaf {
	return []pki.Leaf{
		{Name: "apiserver", Authority: pki.Kubernetes, CommonName: "kube-apiserver", DNS: []string{"kubernetes"}, IPs: []net.IP{net.ParseIP(ip)}, Server: true},
		{Name: "etcd", Authority: pki.Etcd, CommonName: "etcd", Server: true, Client: true},
	}
}

func ensure(t *testing.T, dir, ip string, now time.Time) []string {
	t.Helper()
	issued, err := pki.Ensure(dir, leaves(ip), now)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func TestRenewal(t *testing.T) {
	day := 24 * time.Hour
	cases := map[string]struct {
		after time.Duration
		ip    string
		spoil string // a file to fill with garbage
		want  []string
	}{
		"nothing to do next day":             {day, "10.1.0.1", "", nil},
		"nothing to do while enough is left": {240 * day, "10.1.0.1", "", nil},
		"renewed before the end":             {250 * day, "10.1.0.1", "", []string{"apiserver", "etcd"}},
		"a new address needs a new one":      {day, "10.9.0.1", "", []string{"apiserver"}},
		"a corrupted leaf is made again":     {day, "10.1.0.1", "etcd.pem", []string{"etcd"}},
		"a clock set far back":               {-day, "10.1.0.1", "", []string{"apiserver", "etcd"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ensure(t, dir, "10.1.0.1", start)
			if c.spoil != "" {
				if err := os.WriteFile(filepath.Join(dir, c.spoil), []byte("garbage"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, ensure(t, dir, c.ip, start.Add(c.after))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCertificatesVerify(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir, "10.1.0.1", start)
	data, err := os.ReadFile(pki.CertFile(dir, pki.Kubernetes))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	file := pki.LeafFile(dir, "apiserver")
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubernetes", "10.1.0.1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: start.Add(time.Hour)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
}

func TestACorruptedAuthorityIsNamed(t *testing.T) {
	for _, name := range []string{"ca.key", "etcd-ca.crt", pki.ServiceAccountKey} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ensure(t, dir, "10.1.0.1", start)
			if err := os.WriteFile(filepath.Join(dir, name), []byte("garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := pki.Ensure(dir, leaves("10.1.0.1"), start); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKeysAreKept(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir, "10.1.0.1", start)
	before := map[string]string{}
	for _, name := range []string{"ca.key", pki.ServiceAccountKey, pki.EncryptionConfig} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = string(data)
	}
	ensure(t, dir, "10.1.0.1", start.Add(300*24*time.Hour))
	for name, want := range before {
		if data, _ := os.ReadFile(filepath.Join(dir, name)); string(data) != want {
			t.Errorf("%s was replaced", name)
		}
	}
}
