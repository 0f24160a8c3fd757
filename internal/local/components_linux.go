package local

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-ml/slipway/internal/local/children"
	"github.com/slipway-ml/slipway/internal/local/component"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/internal/local/pidone"
)

// components are the list: its order is the order of start.
func (g *generation) components() ([]children.Component, error) {
	k, err := g.kubernetesClient()
	if err != nil {
		return nil, err
	}
	var list []children.Component
	add := func(name string, needs []string, run func(context.Context, func(error)) error) {
		list = append(list, children.Component{Name: name, Needs: needs, Run: run})
	}
	for _, p := range component.Programs(g.plan) {
		if p.Name == component.Kubelet { // it stops before the pods do
			add(component.PauseImage, []string{component.Containerd}, g.importPause)
			add(component.Pods, []string{component.Containerd}, g.endPods)
		}
		if p.Name == component.Server {
			add(component.ServerToken, []string{component.Manifests}, k.serverToken)
		}
		add(p.Name, p.Needs, g.process(p))
		switch p.Name {
		case component.APIServer:
			add(component.Manifests, []string{component.APIServer}, k.manifests)
		case component.Registry:
			add(component.Images, []string{component.Registry}, g.seedImages)
		case component.Kubelet:
			add(component.Node, []string{component.Kubelet}, k.node)
		}
	}
	return list, nil
}

// process runs a bundled program.
func (g *generation) process(p component.Program) func(context.Context, func(error)) error {
	return children.Process(
		func(ctx context.Context) (children.Running, error) { return g.start(ctx, p) },
		g.probe(p.Ready), p.Grace,
	)
}

func (g *generation) start(ctx context.Context, p component.Program) (*running, error) {
	for path, text := range p.Files {
		if err := layout.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	log, err := g.log(p.Name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	arg0 := p.Arg0
	if arg0 == "" {
		arg0 = filepath.Base(p.Path)
	}
	process, err := g.ns.Spawn(ctx, pidone.Command{
		Path: p.Path, Args: append([]string{arg0}, p.Args...), Env: slices.Concat(g.environment(), p.Env), Dir: "/",
	}, log, p.Pass...)
	if err != nil {
		return nil, err
	}
	return &running{process}, nil
}

// environment is what every component gets; the supervisor's own stays outside.
func (g *generation) environment() []string {
	return []string{
		"PATH=" + strings.Join([]string{g.plan.Distro, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}, ":"),
		"HOME=/root", "LANG=C.UTF-8", "XDG_RUNTIME_DIR=/run",
	}
}

// running adds an orderly end to a process.
type running struct{ *pidone.Process }

// Stop asks, waits, and kills.
func (r *running) Stop(grace time.Duration) {
	ctx := context.Background() // the component's own has ended
	if err := r.Signal(ctx, syscall.SIGTERM); err != nil {
		return // gone with its namespaces
	}
	select {
	case <-r.Done():
		return
	case <-time.After(grace):
	}
	if err := r.Signal(ctx, syscall.SIGKILL); err == nil {
		<-r.Done()
	}
}

// probe tells whether what listens at an address inside answers.
func (g *generation) probe(address string) func(context.Context) error {
	if address == "" {
		return func(context.Context) error { return nil }
	}
	u, err := url.Parse(address)
	if err != nil {
		return func(context.Context) error { return err }
	}
	switch u.Scheme {
	case "unix":
		return func(ctx context.Context) error {
			return dialed((&net.Dialer{}).DialContext(ctx, "unix", fmt.Sprintf("/proc/%d/root%s", g.ns.PID(), u.Path)))
		}
	case "tcp":
		return func(ctx context.Context) error { return dialed(g.netns.DialContext(ctx, "tcp", u.Host)) }
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: g.netns.DialContext, DisableKeepAlives: true,
		// Only "is it up" is asked here, without any credential.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode/100 != 2 {
			return fmt.Errorf("%s answers %s", u.Path, response.Status)
		}
		return nil
	}
}

func dialed(conn net.Conn, err error) error {
	if err != nil {
		return err
	}
	return conn.Close()
}

// importPause puts the sandbox image of every pod into containerd.
func (g *generation) importPause(ctx context.Context, _ func(error)) error {
	log, err := g.log("pause-image")
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	process, err := g.ns.Spawn(ctx, pidone.Command{
		Path: filepath.Join(g.plan.Distro, "ctr"), Env: g.environment(), Dir: "/",
		Args: []string{"ctr", "--address", component.ContainerdSocket, "-n", "k8s.io", "images", "import", "--label", "io.cri-containerd.image=managed", filepath.Join(g.plan.Distro, "pause.tar")},
	}, log)
	if err != nil {
		return err
	}
	select {
	case <-process.Done():
		return process.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// podGrace is how long containers may take to end at `down`.
const podGrace = 2 * time.Second

// endPods does nothing until its end: then it asks every container to end, and
// waits a little. What does not, ends with the namespaces.
func (g *generation) endPods(ctx context.Context, report func(error)) error {
	report(nil)
	<-ctx.Done()
	if err := g.signalPods(); err != nil && !errors.Is(err, os.ErrNotExist) {
		slog.Warn("end pods", "error", err)
	}
	return ctx.Err()
}
