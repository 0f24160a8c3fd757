// Package app is the composition root of `slipway server`: it builds every room
// with what it needs, one file a domain, and runs them.
//
// Nothing is decided here; only main programs and tests may import it.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/slipway-ml/slipway/internal/app/middleware"
	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/sqldb"
	"github.com/slipway-ml/slipway/internal/version"
)

// memoryLimit is where the garbage collector starts to work harder; the server is
// meant to stay below 120 MB.
const memoryLimit = 96 << 20

// ServerCommand is `slipway server`.
func ServerCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "server --config slipway.yaml",
		Short:   "Run controllers, APIs and console (slipway up does this for you)",
		Args:    cobra.NoArgs,
		GroupID: "platform",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			slog.SetDefault(slog.New(middleware.LogHandler{Handler: slog.NewJSONHandler(cmd.ErrOrStderr(), nil)}))
			if os.Getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(memoryLimit)
			}
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			return run(ctx, cfg)
		},
	}
	cmd.Flags().StringVar(&file, "config", "slipway.yaml", "config file")
	return cmd
}

// server is what the domains' files compose with.
type server struct {
	cfg        *config.Config
	kubeConfig *rest.Config
	kube       kubernetes.Interface
	db         *sqldb.DB
	manager    manager.Manager
	metrics    *prometheus.Registry
	health     *health
	door       *door
	// tasks run until the server ends; one that fails ends it.
	tasks []func(context.Context) error
}

func run(ctx context.Context, cfg *config.Config) (err error) {
	s := &server{cfg: cfg, metrics: prometheus.NewRegistry(), health: &health{}}
	// Sockets first: a port in use is said before anything else is done.
	listeners, err := s.listeners(ctx)
	if err != nil {
		return err
	}
	if s.kubeConfig, err = clientcmd.BuildConfigFromFlags("", cfg.Server.Kubeconfig); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	s.kubeConfig.UserAgent = "slipway/" + version.Version
	s.kubeConfig.QPS = -1 // the API server's own priority and fairness decides
	if s.kube, err = kubernetes.NewForConfig(s.kubeConfig); err != nil {
		return err
	}
	if s.db, err = sqldb.Open(ctx, cfg.Server.Database); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	if err := s.compose(ctx); err != nil {
		return err
	}
	handlers, err := s.door.handlers(cfg.Server, s.metrics)
	if err != nil {
		return err
	}
	handlers["metrics"] = s.operators()
	return s.serve(ctx, listeners, handlers)
}

// compose builds the domains, in the order of their needs.
func (s *server) compose(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.controllers,
		s.openDoor,
		s.profiles,
		s.images,
		s.pipelines,
		s.bootstrap,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.health.mount(s.door.api)
	return nil
}

// listeners opens what the config names; the console gets its TLS.
func (s *server) listeners(ctx context.Context) (map[string]net.Listener, error) {
	out := map[string]net.Listener{}
	for name, address := range s.cfg.Server.Listen {
		if name != "console" && name != "cluster" && name != "metrics" {
			return nil, fmt.Errorf("server.listen: unknown listener %q (console, cluster and metrics exist)", name)
		}
		l, err := listen(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", name, err)
		}
		if name == "console" {
			if l, err = withTLS(ctx, l, s.cfg.Server.TLS); err != nil {
				return nil, err
			}
		}
		out[name] = l
	}
	if len(out) == 0 {
		return nil, errors.New("server.listen names no listener")
	}
	return out, nil
}

// operators is the metrics listener: nothing of it is a user's.
func (s *server) operators() http.Handler {
	router := authz.NewRouter(authz.Config{})
	s.health.mount(router)
	router.Handle("GET /metrics", authz.Public("a listener of its own, for operators alone"),
		promhttp.HandlerFor(prometheus.Gatherers{s.metrics, ctrlmetrics.Registry}, promhttp.HandlerOpts{}))
	return middleware.Chain(router, middleware.RequestID, middleware.Recover, middleware.Hosts())
}

// serve runs listeners and tasks until ctx ends or one of them fails.
func (s *server) serve(ctx context.Context, listeners map[string]net.Listener, handlers map[string]http.Handler) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		s.health.stopping.Store(true)
		return nil
	})
	for name, l := range listeners {
		g.Go(func() error { return serve(ctx, name, l, handlers[name]) })
	}
	for _, task := range s.tasks {
		g.Go(func() error {
			err := task(ctx)
			if ctx.Err() == nil {
				return err
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				slog.WarnContext(ctx, "a part of the server did not end well", "error", err)
			}
			return nil
		})
	}
	err := g.Wait()
	slog.InfoContext(ctx, "the server has ended")
	return err
}
