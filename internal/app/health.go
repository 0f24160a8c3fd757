package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
)

// checkTimeout bounds each readiness check.
const checkTimeout = 2 * time.Second

// health answers /healthz (the process works) and /readyz (it can do its work).
type health struct {
	stopping atomic.Bool
	checks   []check
}

type check struct {
	name string
	ask  func(context.Context) error
}

func (h *health) add(name string, ask func(context.Context) error) {
	h.checks = append(h.checks, check{name, ask})
}

func (h *health) mount(router *authz.Router) {
	router.Handle("GET /healthz", authz.Public("says only that the process works"), http.HandlerFunc(h.alive))
	router.Handle("GET /readyz", authz.Public("says only whether the server is ready"), http.HandlerFunc(h.ready))
}

func (h *health) alive(w http.ResponseWriter, r *http.Request) { say(w, r, http.StatusOK, "ok") }

// ready names what is not ready; why is in the log, for operators.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		say(w, r, http.StatusServiceUnavailable, "stopping")
		return
	}
	for _, c := range h.checks {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		err := c.ask(ctx)
		cancel()
		if err != nil {
			slog.WarnContext(r.Context(), "not ready", "check", c.name, "error", err)
			say(w, r, http.StatusServiceUnavailable, c.name+" is not ready")
			return
		}
	}
	say(w, r, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if _, err := fmt.Fprintln(w, text); err != nil {
		slog.DebugContext(r.Context(), "the caller went away", "error", err)
	}
}
