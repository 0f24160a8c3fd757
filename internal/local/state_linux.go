package local

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"

	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/children"
	"github.com/slipway-ml/slipway/internal/local/host"
)

// warnFree is how little free disk is worth a warning, in bytes: the kubelet
// begins to evict pods at 1 GiB.
const warnFree = 3 << 30

// status is the instance as it is now.
func (s *supervisor) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{
		Name: s.cfg.Local.Name, Since: s.began, URL: s.cfg.Server.URL, DataDir: string(s.dir), Kubeconfig: s.dir.Kubeconfig(),
		TokenFile: s.dir.AdminToken(), PID: os.Getpid(), Kubernetes: s.kubernetes, Error: s.problem, Network: s.network(),
	}
	if s.group != nil {
		st.Components = s.group.Statuses()
	}
	st.State = s.state(st.Components)
	st.Warnings, st.Images = s.warnings(), slices.Clone(s.images)
	return st
}

func (s *supervisor) state(components []children.Status) string {
	ready := len(components) > 0 && !slices.ContainsFunc(components, func(c children.Status) bool { return !c.State.OK() })
	switch {
	case s.stopping:
		return StateStopping
	case ready:
		s.wasReady, s.problem = true, ""
		return StateReady
	case s.wasReady:
		return StateDegraded
	}
	return StateStarting
}

func (s *supervisor) network() *NetworkStatus {
	n := s.plan.Networks
	status := &NetworkStatus{Node: s.plan.Node(), Pods: n.Pods.String(), Services: n.Services.String(), Resolvers: s.resolver.Servers(), Outside: s.found.Network}
	for _, r := range s.found.Relays {
		status.Relays = append(status.Relays, RelayStatus{From: net.JoinHostPort(s.plan.Node(), strconv.Itoa(r.Port)), To: r.Target})
	}
	return status
}

func (s *supervisor) warnings() []string {
	warnings := slices.Clone(s.found.Warnings)
	if free, _, err := host.Space(string(s.dir)); err == nil && free < warnFree {
		warnings = append(warnings, fmt.Sprintf("only %.1f GiB are free at %s: pods are evicted below 1 GiB", float64(free)/(1<<30), s.dir))
	}
	for _, i := range s.images {
		if i.Phase == images.Failed {
			warnings = append(warnings, "image "+i.Image+" cannot be had: "+i.Detail)
		}
	}
	return warnings
}
