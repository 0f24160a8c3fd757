package middleware_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-ml/slipway/internal/app/middleware"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHosts(t *testing.T) {
	h := middleware.Hosts("slipway.example.com", "ml-pipeline.kubeflow")(ok)
	for host, status := range map[string]int{
		"localhost":                   200,
		"localhost:8080":              200,
		"LOCALHOST:8080":              200,
		"127.0.0.1:8080":              200,
		"[::1]:8080":                  200,
		"[::1]":                       200,
		"10.88.0.1:8888":              200, // an address cannot be rebound
		"slipway.example.com":         200,
		"Slipway.Example.com.:443":    200,
		"ml-pipeline.kubeflow:8888":   200,
		"evil.example":                421,
		"localhost.evil.example":      421,
		"127.0.0.1.nip.io":            421,
		"evil.slipway.example.com":    421,
		"notebook.localhost":          421,
		"":                            421,
		"ml-pipeline.kubeflow.evil.x": 421,
	} {
		t.Run(host, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = host
			if got := serve(h, r); got.Code != status {
				t.Errorf("answer %d %s, want %d", got.Code, got.Body, status)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	h := middleware.Origins(ok)
	for name, c := range map[string]struct {
		method string
		header map[string]string
		status int
	}{
		"the kfp client, which is no browser":     {"POST", nil, 200},
		"a browser's own page":                    {"POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://console:8080"}, 200},
		"typed into the address bar":              {"GET", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		"a link from elsewhere":                   {"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"a form of another site":                  {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		"an app on the same machine":              {"POST", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://app.localhost:8080"}, 403},
		"an old browser's form of another site":   {"DELETE", map[string]string{"Origin": "https://evil.example"}, 403},
		"an old browser's own page":               {"DELETE", map[string]string{"Origin": "http://console:8080"}, 200},
		"a sandboxed page":                        {"POST", map[string]string{"Origin": "null"}, 403},
		"an upgrade by kubectl":                   {"GET", map[string]string{"Upgrade": "SPDY/3.1"}, 200},
		"an upgrade by our own page":              {"GET", map[string]string{"Upgrade": "websocket", "Origin": "http://console:8080", "Sec-Fetch-Site": "same-origin"}, 200},
		"an upgrade by another site":              {"GET", map[string]string{"Upgrade": "websocket", "Origin": "https://evil.example"}, 403},
		"an upgrade by an app on the same domain": {"GET", map[string]string{"Upgrade": "websocket", "Sec-Fetch-Site": "same-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/", nil)
			r.Host = "console:8080"
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			if got := serve(h, r); got.Code != c.status {
				t.Errorf("answer %d %s, want %d", got.Code, got.Body, c.status)
			}
		})
	}
}

func TestPanicsAnswer500AndAreLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(middleware.LogHandler{Handler: slog.NewJSONHandler(&log, nil)}))
	h := middleware.Chain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		var none []int
		_ = none[len(os.Args)]
	}), middleware.RequestID, middleware.Recover)
	got := serve(h, httptest.NewRequest(http.MethodGet, "/x", nil))
	id := got.Header().Get("X-Request-Id")
	if got.Code != 500 || id == "" || !strings.Contains(got.Body.String(), id) {
		t.Fatalf("answer %d %s", got.Code, got.Body)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["request"] != id || !strings.Contains(line["stack"].(string), "middleware_test.go") {
		t.Errorf("log %v", line)
	}
}

func TestAnAbortedAnswerIsNoError(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	serve(middleware.Recover(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestRequestIDsAreOurs(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Request-Id", "forged")
		id := serve(middleware.RequestID(ok), r).Header().Get("X-Request-Id")
		if id == "" || id == "forged" || seen[id] {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
}

func TestMetricsAreLabelledByRouteNotByPath(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runs/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	registry := prometheus.NewRegistry()
	measured, err := middleware.Metrics(registry, "console", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/runs/1", "/runs/2", "/elsewhere", "/nowhere"} {
		serve(measured(mux), httptest.NewRequest(http.MethodGet, path, nil))
	}
	text := serve(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), httptest.NewRequest(http.MethodGet, "/metrics", nil)).Body.String()
	for _, want := range []string{
		`slipway_http_requests_total{code="404",listener="console",route="GET /runs/{id}"} 2`,
		`slipway_http_requests_total{code="404",listener="console",route="none"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %s in:\n%s", want, text)
		}
	}
}

func TestEveryAnswerIsHarmlessToBrowsers(t *testing.T) {
	h := serve(middleware.SecureHeaders(ok), httptest.NewRequest(http.MethodGet, "/", nil)).Header()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
}
