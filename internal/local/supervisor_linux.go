package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/children"
	"github.com/slipway-ml/slipway/internal/local/component"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/layout"
	"github.com/slipway-ml/slipway/internal/local/network"
	"github.com/slipway-ml/slipway/internal/local/pki"
)

// supervisor is the daemon of one instance.
type supervisor struct {
	cfg        config.Config // effective
	dir        layout.Dir
	plan       component.Plan
	found      network.Found
	resolver   *network.Resolver
	kubernetes string // version
	version    string // ours
	began      time.Time
	stop       context.CancelFunc

	mu       sync.Mutex
	group    *children.Group
	wasReady bool
	stopping bool
	problem  string // why the namespaces had to be made anew
	images   []images.BaseState
}

// Supervise runs an instance until ctx ends or a client asks for the end. started
// is called once the control socket answers.
func Supervise(ctx context.Context, cfg config.Config, version string, started func()) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &supervisor{
		cfg: cfg, dir: layout.Dir(cfg.Local.DataDir), version: version, began: time.Now(), stop: cancel,
		resolver: &network.Resolver{File: network.ResolvConf},
	}
	if err := s.dir.Create(); err != nil {
		return err
	}
	lock, err := s.dir.Lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := s.open(); err != nil {
		return err
	}
	// What a killed supervisor left goes first: its addresses are then free again.
	if err := host.Clean(ctx, cfg.Local.Name); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Clean(context.WithoutCancel(ctx), cfg.Local.Name)) }()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer func() { _ = s.plan.Console.Close() }()
	server, err := s.answer(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	started()
	s.generations(ctx)
	return nil
}

// open checks that this program may use the data folder.
func (s *supervisor) open() error {
	found, err := s.dir.ReadVersion()
	if err != nil {
		return err
	}
	if s.kubernetes, err = bundledKubernetes(s.cfg.Local.DistroDir); err != nil {
		return err
	}
	if err := found.MayOpen(s.kubernetes); err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	return s.dir.WriteVersion(s.kubernetes)
}

var kubeLine = regexp.MustCompile(`(?m)^kube\s+(v\S+)`)

// bundledKubernetes reads it from the distribution's VERSIONS.
func bundledKubernetes(distro string) (string, error) {
	data, err := os.ReadFile(filepath.Join(distro, "VERSIONS"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the bundled programs are not in %s: build them with `make distro`, or name their folder as local.distroDir in slipway.yaml", distro)
	}
	if err != nil {
		return "", err
	}
	m := kubeLine.FindSubmatch(data)
	if m == nil {
		return "", fmt.Errorf("%s names no version of kube", filepath.Join(distro, "VERSIONS"))
	}
	return string(m[1]), nil
}

// prepare makes everything that outlives one generation of namespaces.
func (s *supervisor) prepare(ctx context.Context) error {
	name := s.cfg.Local.Name
	if err := host.WriteRecord(host.Record{Name: name, DataDir: s.cfg.Local.DataDir, PID: os.Getpid()}); err != nil {
		return err
	}
	if err := host.MakeFolders(mountPoints()); err != nil {
		return err
	}
	n, err := s.pickNetworks()
	if err != nil {
		return err
	}
	distro, err := filepath.EvalSymlinks(s.cfg.Local.DistroDir)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.plan = component.Plan{Instance: name, Data: s.dir, Distro: distro, Slipway: self, Networks: n}
	agentImage, err := images.AgentImage(s.version, s.agent())
	if err != nil {
		return err
	}
	s.detect(agentImage)
	if s.plan.Objects, err = objectKeys(filepath.Join(s.dir.Server(), "s3.json")); err != nil {
		return err
	}
	for _, folder := range []string{"buckets", "users"} {
		if err := os.MkdirAll(s.dir.Path("s3", folder), 0o700); err != nil {
			return err
		}
	}
	if err := s.certificates(); err != nil {
		return err
	}
	if err := errors.Join(s.writeConfig(), s.prepareImages()); err != nil {
		return err
	}
	return s.listenConsole(ctx)
}

// certificates are made or renewed; the programs notice new files by themselves.
func (s *supervisor) certificates() error {
	issued, err := pki.Ensure(s.dir.PKI(), append(component.Leaves(s.plan), consoleCertificate(s.cfg.Local.Console)), time.Now())
	if err != nil {
		return err
	}
	if len(issued) > 0 {
		slog.Info("certificates issued", "names", issued)
	}
	return writeKubeconfig(s.dir, s.plan.APIServerURL())
}

func consoleCertificate(console string) pki.Leaf {
	l := pki.Leaf{Name: consoleLeaf, Authority: pki.Kubernetes, CommonName: "slipway console", DNS: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, Server: true}
	if name, err := os.Hostname(); err == nil && name != "localhost" {
		l.DNS = append(l.DNS, name)
	}
	if h, _, err := net.SplitHostPort(console); err == nil {
		if ip := net.ParseIP(h); ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
			l.IPs = append(l.IPs, ip)
		}
	}
	return l
}

// pickNetworks keeps the addresses of earlier times: Services remember theirs. A
// pods' range that has been taken meanwhile is replaced.
func (s *supervisor) pickNetworks() (host.Networks, error) {
	file := s.dir.Path("network.json")
	n, err := networks(s.cfg.Local)
	if err != nil {
		return n, err
	}
	taken, err := host.Taken()
	if err != nil {
		return n, err
	}
	taken = append(taken, addressesOf(s.resolver.Servers())...)
	var kept host.Networks
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &kept); err != nil {
			return n, fmt.Errorf("%s is corrupted (%w): delete it, new addresses are picked then", file, err)
		}
	}
	if !n.Services.IsValid() {
		n.Services = kept.Services
	}
	if !n.Pods.IsValid() && kept.Pods.IsValid() && !host.Overlaps(kept.Pods, taken) {
		n.Pods = kept.Pods
	}
	if n, err = n.Pick(taken); err != nil {
		return n, err
	}
	if err := n.Check(); err != nil {
		return n, err
	}
	if host.Overlaps(n.Pods, taken) {
		return n, fmt.Errorf("local.podCIDR %s overlaps an address or a route of this host (ip route)", n.Pods)
	}
	data, err := json.Marshal(n)
	if err != nil {
		return n, err
	}
	return n, layout.WriteFile(file, data, 0o600)
}

// detect finds the host's way to the outside.
func (s *supervisor) detect(agentImage string) {
	home, _ := os.UserHomeDir() //nolint:errcheck // none: no file of a user's
	from := network.Host{Files: os.DirFS("/"), Getenv: os.Getenv, Home: home}
	s.found = network.Detect(s.cfg.Network, from, s.plan.Node(), s.plan.Bypass())
	s.plan.Network = s.found.Network
	if data, err := os.ReadFile(network.ResolvConf); err == nil {
		s.plan.Search = network.SearchDomains(string(data))
	}
	s.cfg.Network = s.found.Network
	s.cfg = effective(s.cfg, s.plan.Networks, agentImage)
}

// listenConsole opens the console on the host before anything starts, so that a
// port in use is said at once.
func (s *supervisor) listenConsole(ctx context.Context) error {
	if err := host.CheckPort(ctx, s.cfg.Local.Console); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Local.Console)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	defer func() { _ = l.Close() }()                  // the copy below stays
	s.plan.Console, err = l.(*net.TCPListener).File() //nolint:errcheck // "tcp" gives a TCPListener
	return err
}

// generations makes the namespaces, and makes them anew whenever they are lost.
func (s *supervisor) generations(ctx context.Context) {
	for failures := 1; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := s.generation(ctx)
		if ctx.Err() != nil {
			return
		}
		slog.Error("the instance ended and is made anew", "error", err)
		s.mu.Lock()
		s.problem, s.group = err.Error(), nil
		s.mu.Unlock()
		if time.Since(began) > children.DefaultBackoff.Settled {
			failures = 1
		}
		if err := host.CleanGeneration(context.WithoutCancel(ctx), s.cfg.Local.Name); err != nil {
			slog.Error("clean up", "error", err)
		}
		select {
		case <-time.After(children.DefaultBackoff.After(failures)):
		case <-ctx.Done():
		}
	}
}

// answer serves the control socket.
func (s *supervisor) answer(ctx context.Context) (*http.Server, error) {
	socket := host.Socket(s.cfg.Local.Name)
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(s.status()); err != nil {
			slog.Warn("write status", "error", err)
		}
	})
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) {
		s.mu.Lock()
		s.stopping = true
		s.mu.Unlock()
		s.stop()
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("control socket", "error", err)
		}
	}()
	return server, nil
}
