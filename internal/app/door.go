package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/slipway-ml/slipway/internal/app/middleware"
	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/login/httpapi"
	"github.com/slipway-ml/slipway/internal/login/sqlstore"
	"github.com/slipway-ml/slipway/internal/proxy"
)

// door is who may come in: users, tokens, reviews, and the routers.
type door struct {
	users *sqlstore.Store
	// config is the routers': for a domain that has one of its own.
	config authz.Config
	// api holds the routes of both listeners; console adds /k8s to them.
	api, console *authz.Router
}

// openDoor composes login, reviews and the proxy to Kubernetes.
func (s *server) openDoor(ctx context.Context) error {
	users, err := sqlstore.New(ctx, s.db)
	if err != nil {
		return err
	}
	authenticator := &login.Authenticator{
		Tokens: users, ProfileOf: s.profileOf, Now: time.Now,
		ServiceAccounts: login.NewServiceAccounts(s.kube.AuthenticationV1().TokenReviews(), clock.RealClock{}),
	}
	reviewer := authz.NewReviewer(s.kube.AuthorizationV1().SubjectAccessReviews(), clock.RealClock{})
	routers := authz.Config{
		Authenticate: authenticator.Authenticate, Review: reviewer.Review,
		Audit: slog.Default(), Now: time.Now,
	}
	d := &door{users: users, config: routers, api: authz.NewRouter(routers), console: authz.NewRouter(routers)}
	tokens := &httpapi.API{Store: users, Now: time.Now, NewID: uuid.NewString, Random: rand.Reader}
	tokens.Mount(d.api)
	kubernetesAPI, err := proxy.NewKubernetes(s.kubeConfig)
	if err != nil {
		return err
	}
	d.console.Handle(proxy.Prefix+"/", authz.Authenticated.AnySize(), kubernetesAPI)
	d.console.Before(d.api)
	s.door = d
	return nil
}

// ownServices are those Services of ours that speak HTTP: pods call them by these
// names, and /k8s serves them in this process.
var ownServices = []string{"ml-pipeline"}

// clusterHosts are the names under which pods call the cluster listener.
func clusterHosts(domains []string) []string {
	hosts := append([]string{}, domains...)
	for _, service := range ownServices {
		for _, suffix := range []string{"", ".kubeflow", ".kubeflow.svc", ".kubeflow.svc.cluster.local"} {
			hosts = append(hosts, service+suffix)
		}
	}
	return hosts
}

// handlers are the complete handlers of the listeners, by name.
func (d *door) handlers(cfg config.Server, metrics *prometheus.Registry) (map[string]http.Handler, error) {
	out := map[string]http.Handler{}
	for name, l := range map[string]struct {
		router *authz.Router
		hosts  []string
	}{
		"console": {d.console, cfg.Domains},
		"cluster": {d.api, clusterHosts(cfg.Domains)},
	} {
		measured, err := middleware.Metrics(metrics, name, time.Now)
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		own := []middleware.Middleware{
			middleware.RequestID, middleware.Recover, middleware.SecureHeaders,
			middleware.Hosts(l.hosts...), middleware.Origins,
		}
		if name == "console" {
			own = append(own, proxy.ServicePaths(ownServices...))
		}
		out[name] = middleware.Chain(l.router, append(own, measured)...)
	}
	return out, nil
}
