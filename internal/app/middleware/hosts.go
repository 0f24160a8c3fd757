package middleware

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/slipway-ml/slipway/internal/rest"
)

// Hosts refuses requests for host names that are not ours. Against DNS rebinding:
// a page of evil.example whose name resolves to our address still says
// evil.example in Host. An IP address cannot be rebound, so every one is let pass.
func Hosts(names ...string) Middleware {
	allowed := map[string]bool{"localhost": true}
	for _, name := range names {
		allowed[strings.ToLower(name)] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host := hostname(r.Host)
			_, notAddress := netip.ParseAddr(host)
			if notAddress != nil && !allowed[host] {
				rest.WriteError(w, r, &rest.Error{
					Code: rest.InvalidArgument, Status: http.StatusMisdirectedRequest,
					Message: fmt.Sprintf("host %q is not served here (server.domains in slipway.yaml names those that are)", host),
				})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// hostname is a Host header without its port, in lower case.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// Origins refuses what a page of another origin makes a browser send: unsafe
// methods (http.CrossOriginProtection) and upgrades to another protocol. Clients
// that are no browsers send neither Origin nor Sec-Fetch-Site and pass.
func Origins(next http.Handler) http.Handler {
	refused := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest.WriteError(w, r, rest.Errorf(rest.PermissionDenied, "cross-origin request refused"))
	})
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(refused)
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" && foreign(r) {
			refused.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// foreign reports whether a browser sent the request for a page of another origin.
func foreign(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}
