package images

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/net/http/httpproxy"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// Outside is the way to other registries.
type Outside struct {
	transport http.RoundTripper
	keys      authn.Keychain
}

// answerTimeout is how long a registry may take to say whether it has an image.
const answerTimeout = 3 * time.Second

// NewOutside reaches registries with the network's proxy and trust, and with the
// logins of keys (nil: none).
func NewOutside(n config.Network, keys authn.Keychain) (*Outside, error) {
	t := remote.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // its declared type is an interface, its value this
	t.DialContext = (&net.Dialer{Timeout: answerTimeout}).DialContext
	t.TLSHandshakeTimeout = answerTimeout
	if n.HTTPProxy != "" || n.HTTPSProxy != "" {
		proxy := (&httpproxy.Config{HTTPProxy: n.HTTPProxy, HTTPSProxy: n.HTTPSProxy, NoProxy: n.NoProxy}).ProxyFunc()
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	}
	if n.TrustBundle != "" {
		pem, err := os.ReadFile(n.TrustBundle)
		if err != nil {
			return nil, fmt.Errorf("trust bundle: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("the host's authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("trust bundle %s holds no certificate", n.TrustBundle)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if keys == nil {
		keys = authn.NewMultiKeychain()
	}
	return &Outside{transport: t, keys: keys}, nil
}

// ErrUnreachable says that a registry gave no answer at all.
var ErrUnreachable = errors.New("the registry cannot be reached")

// Find looks an image up: seconds, whether or not the registry answers.
func (o *Outside) Find(ctx context.Context, ref string) (name.Reference, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// One try: a name that does not resolve does not in a second either.
	_, err = remote.Head(r, append(o.options(ctx), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))...)
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, hostOf(r), err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return r, nil
}

// Image opens a found image for this machine's platform; layers are read while they are used.
func (o *Outside) Image(ctx context.Context, r name.Reference) (v1.Image, error) {
	d, err := remote.Get(r, append(o.options(ctx), remote.WithPlatform(ocitar.Platform()))...)
	if err != nil {
		return nil, err
	}
	if _, pinned := r.(name.Digest); pinned && d.MediaType.IsIndex() {
		return nil, fmt.Errorf("%s is a list of platforms: name a tag, or the digest of the image for %s", r, ocitar.Platform())
	}
	return d.Image()
}

func (o *Outside) options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(o.transport), remote.WithAuthFromKeychain(o.keys), remote.WithJobs(4)}
}

// Pull copies an image from its registry into the store.
func (s *Store) Pull(ctx context.Context, o *Outside, ref string, now time.Time) error {
	if strings.HasPrefix(ref, Host+"/") {
		return fmt.Errorf("%s: names under %s are in the bundled registry alone", ref, Host)
	}
	found, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	img, err := o.Image(ctx, found)
	if err != nil {
		return fmt.Errorf("pull %s: %w", ref, err)
	}
	return s.Push(ctx, ref, img, Provenance{Origin: Pulled, Source: hostOf(found), Time: now})
}
