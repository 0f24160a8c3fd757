package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slipway-ml/slipway/internal/local/children"
	"github.com/slipway-ml/slipway/internal/local/host"
	"github.com/slipway-ml/slipway/internal/local/network"
	"github.com/slipway-ml/slipway/internal/local/pidone"
)

// generation is one life of the namespaces.
type generation struct {
	*supervisor
	ns     *pidone.Namespaces
	netns  *host.Netns
	closed []func() error // at the end, last first
}

// generation makes the namespaces and runs everything in them, until ctx ends
// (then everything was stopped in order) or PID 1 does.
func (s *supervisor) generation(ctx context.Context) (err error) {
	g := &generation{supervisor: s}
	defer g.end()
	if err := g.namespaces(ctx); err != nil {
		return err
	}
	if err := g.relays(ctx); err != nil {
		return err
	}
	components, err := g.components()
	if err != nil {
		return err
	}
	group, err := children.NewGroup(components, children.DefaultBackoff, note)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.group = group
	s.mu.Unlock()
	running, lost := context.WithCancelCause(ctx)
	go func() {
		<-g.ns.Gone()
		lost(pidone.ErrGone)
	}()
	var background sync.WaitGroup
	background.Go(func() { g.baseImages(running) })
	group.Run(running)
	background.Wait()
	return context.Cause(running)
}

// note logs how components fare.
func note(c children.Status) {
	if c.State == children.Restarting || c.State == children.Unready {
		slog.Warn("component", "name", c.Name, "state", c.State, "error", c.Error)
		return
	}
	slog.Info("component", "name", c.Name, "state", c.State)
}

func (g *generation) end() {
	for i := len(g.closed) - 1; i >= 0; i-- {
		if err := g.closed[i](); err != nil && !errors.Is(err, net.ErrClosed) {
			slog.Warn("close", "error", err)
		}
	}
}

// namespaces makes PID 1 and all that surrounds it.
func (g *generation) namespaces(ctx context.Context) error {
	name := g.cfg.Local.Name
	log, err := g.log("init")
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if g.ns, err = pidone.Start(g.plan.Slipway, log); err != nil {
		return err
	}
	g.closed = append(g.closed, func() error { g.ns.Kill(); return nil })
	// Into its cgroup before it has children.
	if err := host.MakeCgroups(name, g.ns.PID()); err != nil {
		return err
	}
	if g.netns, err = host.OpenNetns(g.ns.PID()); err != nil {
		return err
	}
	g.closed = append(g.closed, g.netns.Close)
	if g.plan.MTU, err = host.Connect(name, g.plan.Networks, g.netns, g.ns.PID()); err != nil {
		return err
	}
	if err := errors.Join(host.Forward(), host.Masquerade(ctx, name, g.plan.Networks.Pods)); err != nil {
		return err
	}
	if err := host.Admit(ctx, name); err != nil {
		return err
	}
	mounts, err := g.mounts()
	if err != nil {
		return err
	}
	return g.ns.Setup(ctx, pidone.Setup{Hostname: g.plan.NodeName(), Mounts: mounts})
}

// mountPoints are folders of the host that programs expect at fixed paths; inside
// they are folders of the data folder.
func mountPoints() []string {
	return []string{"/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers"}
}

// tunables are settings of the whole kernel that the kubelet insists on. It finds
// them as it wants them, and the host keeps its own.
var tunables = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

func (g *generation) mounts() ([]pidone.Mount, error) {
	own := map[string]string{
		"/var/lib/kubelet": g.dir.Path("kubelet"), "/var/lib/cni": g.dir.Path("cni"), "/var/log/pods": g.dir.Path("logs", "pods"), "/var/log/containers": g.dir.Path("logs", "containers"),
	}
	mounts := []pidone.Mount{{Source: "tmpfs", Target: "/run", Type: "tmpfs", Flags: unix.MS_NOSUID | unix.MS_NODEV, Data: "mode=755"}}
	for _, target := range mountPoints() {
		mounts = append(mounts, pidone.Mount{Source: own[target], Target: target, Flags: unix.MS_BIND})
	}
	for name, value := range tunables {
		file := "/run/slipway/" + strings.ReplaceAll(name, "/", ".")
		mounts = append(mounts, pidone.Mount{Target: file, Content: []byte(value + "\n")}, pidone.Mount{Source: file, Target: "/proc/sys/" + name, Flags: unix.MS_BIND, Optional: true})
	}
	resolv, err := filepath.EvalSymlinks(network.ResolvConf)
	if err != nil {
		return nil, fmt.Errorf("the host's resolver: %w", err)
	}
	text := []byte(g.plan.ResolvConf("127.0.0.1"))
	if strings.HasPrefix(resolv, "/run/") { // hidden by our own /run
		return append(mounts, pidone.Mount{Target: resolv, Content: text}), nil
	}
	return append(mounts, pidone.Mount{Target: "/run/slipway/resolv.conf", Content: text}, pidone.Mount{Source: "/run/slipway/resolv.conf", Target: resolv, Flags: unix.MS_BIND}), nil
}

// relays listen inside and speak to the outside from here, the host.
func (g *generation) relays(ctx context.Context) error {
	udp, err := g.netns.ListenPacket(ctx, "udp", "127.0.0.1:53")
	if err != nil {
		return fmt.Errorf("relay of DNS: %w", err)
	}
	tcp, err := g.netns.Listen(ctx, "tcp", "127.0.0.1:53")
	if err != nil {
		return fmt.Errorf("relay of DNS: %w", err)
	}
	g.closed = append(g.closed, udp.Close, tcp.Close)
	go g.resolver.ServeUDP(ctx, udp)
	go g.resolver.ServeTCP(ctx, tcp)
	for _, r := range g.found.Relays {
		l, err := g.netns.Listen(ctx, "tcp", net.JoinHostPort(g.plan.Node(), strconv.Itoa(r.Port)))
		if err != nil {
			return fmt.Errorf("relay of %s: %w", r.Target, err)
		}
		g.closed = append(g.closed, l.Close)
		go network.Serve(ctx, l, r.Target)
	}
	return nil
}

// Size of a component's log and how many older ones are kept.
const (
	logSize = 10 << 20
	logKeep = 3
)

// log gives a descriptor that appends to the component's log.
func (g *generation) log(name string) (*os.File, error) {
	l, err := children.OpenLog(filepath.Join(g.dir.Logs(), name+".log"), logSize, logKeep)
	if err != nil {
		return nil, err
	}
	return l.Pipe()
}
