package middleware

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts and times requests by route and status. It must be the innermost
// middleware: the mux notes the route's pattern in the request that it is handed.
func Metrics(registry prometheus.Registerer, listener string, now func() time.Time) (Middleware, error) {
	labels := prometheus.Labels{"listener": listener}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_http_requests_total", Help: "HTTP requests by route and status.", ConstLabels: labels,
	}, []string{"route", "code"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "slipway_http_request_seconds", Help: "Duration of HTTP requests by route.", ConstLabels: labels,
		Buckets: []float64{.002, .01, .05, .2, 1, 5},
	}, []string{"route"})
	for _, c := range []prometheus.Collector{requests, seconds} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := now()
			recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
			defer func() {
				route := r.Pattern
				if route == "" {
					route = "none"
				}
				requests.WithLabelValues(route, strconv.Itoa(recorder.status)).Inc()
				seconds.WithLabelValues(route).Observe(now().Sub(start).Seconds())
			}()
			next.ServeHTTP(recorder, r)
		})
	}, nil
}

type statusRecorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (s *statusRecorder) WriteHeader(status int) {
	if !s.wrote {
		s.status, s.wrote = status, true
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController flush and hijack.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
