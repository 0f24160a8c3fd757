package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
)

// scheme knows what controllers read and write, and no more: every kind costs
// memory.
func scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, eventsv1.AddToScheme, networkingv1.AddToScheme, rbacv1.AddToScheme, profilev1.AddToScheme,
	} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// kubernetesLogger gives Kubernetes' libraries the process's own log. Theirs is one
// for the process and not safe to set while they run.
var kubernetesLogger = sync.OnceValue(func() logr.Logger {
	logger := logr.FromSlogHandler(slog.Default().Handler())
	log.SetLogger(logger)
	klog.SetLogger(logger)
	return logger
})

// controllers makes the manager that all controllers run in.
func (s *server) controllers(context.Context) error {
	logger := kubernetesLogger()
	kinds, err := scheme()
	if err != nil {
		return err
	}
	s.manager, err = manager.New(s.kubeConfig, manager.Options{
		Scheme: kinds, Logger: logger,
		// Metrics and health have listeners of ours.
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		// Names are unique in a manager; tests run several.
		Controller:              ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
		GracefulShutdownTimeout: ptr.To[time.Duration](goodbye),
		Cache:                   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		// Secrets are never cached, nor what anybody may fill with megabytes.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}},
	})
	if err != nil {
		return err
	}
	s.tasks = append(s.tasks, s.manager.Start)
	s.health.add("kubernetes", func(ctx context.Context) error {
		_, err := s.kube.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx)
		return err
	})
	s.health.add("controllers", func(ctx context.Context) error {
		if !s.manager.GetCache().WaitForCacheSync(ctx) {
			return errors.New("their caches are not filled")
		}
		return nil
	})
	return nil
}
