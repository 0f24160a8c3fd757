package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
)

// certificate for 127.0.0.1, and a pool that trusts it.
func certificate(t *testing.T) (config.TLS, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
	file := filepath.Join(t.TempDir(), "console.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return config.TLS{CertFile: file, KeyFile: file}, pool
}

// serving serves "plain" or "tls" on a listener of the address.
func serving(t *testing.T, address string, files config.TLS) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	raw, err := listen(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := withTLS(ctx, raw, files)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		ended <- serve(ctx, "console", l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS != nil {
				_, _ = io.WriteString(w, "tls")
				return
			}
			_, _ = io.WriteString(w, "plain")
		}))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

func TestTheConsoleTellsTLSFromPlainHTTP(t *testing.T) {
	files, pool := certificate(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	get := func(url string) string {
		res, err := client.Get(url)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(res.StatusCode, " ", string(body))
	}
	for name, c := range map[string]struct {
		address string
		files   config.TLS
		want    map[string]string // scheme to answer
	}{
		"both on loopback":               {"127.0.0.1:0", files, map[string]string{"http": "200 plain", "https": "200 tls"}},
		"no certificate on loopback":     {"127.0.0.1:0", config.TLS{}, map[string]string{"http": "200 plain", "https": "server gave HTTP response"}},
		"TLS alone where anybody may be": {"0.0.0.0:0", files, map[string]string{"http": "400 Client sent an HTTP request to an HTTPS server", "https": "200 tls"}},
	} {
		t.Run(name, func(t *testing.T) {
			address := serving(t, c.address, c.files)
			// Who says nothing keeps nobody waiting.
			silent, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			for scheme, want := range c.want {
				if got := get(scheme + "://" + address); !strings.Contains(got, want) {
					t.Errorf("%s: %s, want %s", scheme, got, want)
				}
			}
		})
	}
}

func TestASocketOfTheParentIsTakenOver(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	file, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(t.Context(), fmt.Sprintf("fd:%d", file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() != opened.Addr().String() {
		t.Errorf("listens on %s, want %s", l.Addr(), opened.Addr())
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	cfg := &config.Config{Server: config.Server{Listen: map[string]string{"cluster": opened.Addr().String()}}}
	if err := run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), opened.Addr().String()) {
		t.Errorf("error %v, want %s named", err, opened.Addr())
	}
}

func TestStreamsDoNotHoldUpTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inside, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- serve(ctx, "console", l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(inside)
			<-r.Context().Done()
		}))
	}()
	go func() {
		if res, err := http.Get("http://" + l.Addr().String()); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-inside
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(goodbye + 2*time.Second):
		t.Error("a stream holds up the end")
	}
}
