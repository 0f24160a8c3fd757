// Package proxy is the way to what others serve: the Kubernetes API under /k8s,
// in the caller's name.
//
// It must not decide who the caller is (login) nor keep any state.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	kuberest "k8s.io/client-go/rest"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Prefix is where the Kubernetes API is found under the console.
const Prefix = "/k8s"

// Kubernetes forwards requests below Prefix to the API server by impersonation:
// user = e-mail, groups = the caller's. It is registered as
// router.Handle(Prefix+"/", authz.Authenticated.AnySize(), k).
type Kubernetes struct {
	proxy *httputil.ReverseProxy
}

// NewKubernetes forwards with the server's own credentials, which must be allowed
// to impersonate users.
func NewKubernetes(config *kuberest.Config) (*Kubernetes, error) {
	config = kuberest.CopyConfig(config)
	// Upgrades (exec, attach, port-forward) exist in HTTP/1.1 alone.
	config.NextProtos = []string{"http/1.1"}
	transport, err := kuberest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("transport to the Kubernetes API: %w", err)
	}
	target, _, err := kuberest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("address of the Kubernetes API: %w", err)
	}
	return &Kubernetes{proxy: &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { rewrite(r, target) },
		Transport:      transport,
		FlushInterval:  -1, // watches and logs
		ModifyResponse: harmless,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, context.Canceled) {
				return // the caller has gone
			}
			slog.WarnContext(r.Context(), "the Kubernetes API did not answer", "error", err)
			rest.WriteError(w, r, rest.Errorf(rest.Unavailable, "the Kubernetes API does not answer"))
		},
	}}, nil
}

func (k *Kubernetes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := mayImpersonate(login.Caller(r.Context()), r.Header); err != nil {
		rest.WriteError(w, r, err)
		return
	}
	k.proxy.ServeHTTP(w, r)
}

// mayImpersonate refuses whatever could make the API server see somebody else than
// the caller, or one of Kubernetes' own names.
func mayImpersonate(caller login.Identity, header http.Header) error {
	forbidden := func(message string) error {
		return rest.Errorf(rest.PermissionDenied, "%s", message)
	}
	for name := range header {
		if strings.HasPrefix(name, "Impersonate-") {
			return forbidden("impersonation is not possible here")
		}
	}
	if caller.Scope == login.ScopeRead {
		return forbidden("this token is for reading alone: it may not use " + Prefix)
	}
	for _, name := range append([]string{caller.User}, caller.Groups...) {
		if strings.HasPrefix(name, "system:") {
			return forbidden(fmt.Sprintf("%q may not use %s: use the Kubernetes API itself", name, Prefix))
		}
	}
	return nil
}

// rewrite makes the request that the API server sees: its path, its own host, no
// credentials of the caller's, and the caller as the impersonated user.
func rewrite(r *httputil.ProxyRequest, target *url.URL) {
	r.Out.URL.Path = strings.TrimPrefix(r.Out.URL.Path, Prefix)
	r.Out.URL.RawPath = strings.TrimPrefix(r.Out.URL.RawPath, Prefix)
	r.SetURL(target)
	r.Out.URL.RawQuery = r.In.URL.RawQuery // selectors may hold what a parser would clean away
	for name := range r.Out.Header {
		if name == "Authorization" || name == "Cookie" || name == "Origin" || strings.HasPrefix(name, "X-Remote-") || strings.HasPrefix(name, "Impersonate-") {
			r.Out.Header.Del(name)
		}
	}
	caller := login.Caller(r.In.Context())
	r.Out.Header.Set("Impersonate-User", caller.User)
	for _, group := range caller.Groups {
		r.Out.Header.Add("Impersonate-Group", group)
	}
}

// harmless keeps what a user's pod may have written (pods/proxy, services/proxy)
// from acting in the console's origin.
func harmless(res *http.Response) error {
	res.Header.Del("Set-Cookie")
	res.Header.Set("Content-Security-Policy", "sandbox")
	return nil
}
