// Package pki owns an instance's certificate authorities, the certificates of its
// components, the service accounts' signing key and the key that encrypts Secrets
// at rest.
//
// Ensure is called at every start and daily: it keeps what is good and renews
// what ends soon, in place; Kubernetes' and etcd's programs notice new files by
// themselves. It must not know how components are started.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-ml/slipway/internal/local/layout"
)

// Validity of what is issued, and how long before its end a leaf is renewed.
const (
	authorityValidity = 10 * 365 * 24 * time.Hour
	leafValidity      = 365 * 24 * time.Hour
	renewBefore       = 120 * 24 * time.Hour
	backdate          = time.Hour // for clocks that are set back a little
)

// Authorities: who signs what. Kubernetes wants the three apart.
const (
	Kubernetes = "ca"
	Etcd       = "etcd-ca"
	FrontProxy = "front-proxy-ca"
)

// Files beside the certificates.
const (
	ServiceAccountKey = "service-accounts.key"
	EncryptionConfig  = "encryption.yaml"
)

// Leaf is a certificate that a component needs; it lies with its key in
// <folder>/<Name>.pem.
type Leaf struct {
	Name, Authority string
	CommonName      string
	Organizations   []string
	DNS             []string
	IPs             []net.IP
	Server, Client  bool
}

// CertFile is the certificate of an authority.
func CertFile(dir, authority string) string { return filepath.Join(dir, authority+".crt") }

// LeafFile holds a leaf's certificate and key.
func LeafFile(dir, name string) string { return filepath.Join(dir, name+".pem") }

// Ensure makes or renews whatever is missing in dir, and gives the names of the
// leaves that it issued.
func Ensure(dir string, leaves []Leaf, now time.Time) ([]string, error) {
	authorities := map[string]*authority{}
	for _, name := range []string{Kubernetes, Etcd, FrontProxy} {
		a, err := ensureAuthority(dir, name, now)
		if err != nil {
			return nil, err
		}
		authorities[name] = a
	}
	var issued []string
	for _, l := range leaves {
		a := authorities[l.Authority]
		if current(LeafFile(dir, l.Name), l, a, now) {
			continue
		}
		if err := a.issue(LeafFile(dir, l.Name), l, now); err != nil {
			return issued, fmt.Errorf("certificate %s: %w", l.Name, err)
		}
		issued = append(issued, l.Name)
	}
	return issued, errors.Join(ensureSigningKey(dir), ensureEncryption(dir))
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func ensureAuthority(dir, name string, now time.Time) (*authority, error) {
	certFile, keyFile := CertFile(dir, name), filepath.Join(dir, name+".key")
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		return newAuthority(certFile, keyFile, name, now)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("%s and %s are not a readable certificate authority (%w): restore them, or start afresh with: slipway down --purge", certFile, keyFile, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T", keyFile, pair.PrivateKey)
	}
	if now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("%s ended on %s", certFile, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &authority{cert: pair.Leaf, key: key}, nil
}

func newAuthority(certFile, keyFile, name string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "slipway " + name}, NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityValidity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
	}
	certPEM, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	// The key first: a certificate without its key would look corrupted.
	if err := errors.Join(layout.WriteFile(keyFile, keyPEM, 0o600), layout.WriteFile(certFile, certPEM, 0o644)); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	return &authority{cert: cert, key: key}, err
}

// current says whether the file holds l as it should be, for long enough.
func current(file string, l Leaf, a *authority, now time.Time) bool {
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return false
	}
	c := pair.Leaf
	return c.CheckSignatureFrom(a.cert) == nil && now.Add(renewBefore).Before(c.NotAfter) && now.After(c.NotBefore) &&
		c.Subject.CommonName == l.CommonName && slices.Equal(c.Subject.Organization, l.Organizations) && slices.Equal(c.DNSNames, l.DNS) &&
		slices.EqualFunc(c.IPAddresses, l.IPs, net.IP.Equal) && slices.Equal(c.ExtKeyUsage, l.usages())
}

func (l Leaf) usages() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if l.Server {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if l.Client {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

func (a *authority) issue(file string, l Leaf, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	end := now.Add(leafValidity)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	certPEM, err := sign(&x509.Certificate{
		Subject:   pkix.Name{CommonName: l.CommonName, Organization: l.Organizations},
		NotBefore: now.Add(-backdate), NotAfter: end, DNSNames: l.DNS, IPAddresses: l.IPs,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: l.usages(), BasicConstraintsValid: true,
	}, a.cert, key, a.key)
	if err != nil {
		return err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	return layout.WriteFile(file, append(certPEM, keyPEM...), 0o600)
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func ensureSigningKey(dir string) error {
	file := filepath.Join(dir, ServiceAccountKey)
	if data, err := os.ReadFile(file); err == nil {
		if block, _ := pem.Decode(data); block != nil {
			if _, err = x509.ParseECPrivateKey(block.Bytes); err == nil {
				return nil
			}
		}
		return fmt.Errorf("%s is not readable as the key that signs service accounts' tokens: restore it, or delete it to end all tokens", file)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	data, err := encodeKey(key)
	if err != nil {
		return err
	}
	return layout.WriteFile(file, data, 0o600)
}

// encryption is Kubernetes' EncryptionConfiguration. The last, identity provider
// lets a Secret be read that was written before.
const encryption = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox:
      keys:
      - name: key1
        secret: %s
  - identity: {}
`

func ensureEncryption(dir string) error {
	file := filepath.Join(dir, EncryptionConfig)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	return layout.WriteFile(file, fmt.Appendf(nil, encryption, base64.StdEncoding.EncodeToString(key)), 0o600)
}
