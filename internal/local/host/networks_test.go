package host_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/local/host"
)

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestPick(t *testing.T) {
	cases := map[string]struct {
		given          host.Networks
		taken          []netip.Prefix
		pods, services string
	}{
		"an idle host":                 {pods: "10.120.0.0/17", services: "10.120.128.0/20"},
		"a VPN with half of ten":       {taken: prefixes("10.128.0.0/9"), pods: "10.120.0.0/17", services: "10.120.128.0/20"},
		"a second instance":            {taken: prefixes("10.120.0.0/17", "192.0.2.0/24"), pods: "10.121.0.0/17", services: "10.121.128.0/20"},
		"all of ten":                   {taken: prefixes("10.0.0.0/8"), pods: "172.18.0.0/17", services: "172.18.128.0/20"},
		"a resolver beyond the router": {taken: prefixes("10.120.255.53/32"), pods: "10.121.0.0/17", services: "10.121.128.0/20"},
		"pods are given":               {given: host.Networks{Pods: netip.MustParsePrefix("10.120.0.0/16")}, pods: "10.120.0.0/16", services: "10.121.128.0/20"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := c.given.Pick(c.taken)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{c.pods, c.services}, []string{got.Pods.String(), got.Services.String()}); diff != "" {
				t.Error(diff)
			}
			if err := got.Check(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := (host.Networks{}).Pick(prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")); !errors.Is(err, host.ErrNoNetwork) {
		t.Errorf("nothing free: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	n := host.Networks{Pods: netip.MustParsePrefix("10.120.0.0/17"), Services: netip.MustParsePrefix("10.120.128.0/20")}
	outside, inside := n.Link()
	first, last := n.PodRange()
	got := []string{n.Node().String(), first.String(), last.String(), outside.String(), inside.String(), n.Service(10).String()}
	want := []string{"10.120.0.1", "10.120.0.2", "10.120.127.250", "10.120.127.253/30", "10.120.127.254/30", "10.120.128.10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckRefuses(t *testing.T) {
	cases := map[string][2]string{
		"host bits":  {"10.1.2.3/16", "10.2.0.0/16"},
		"too small":  {"10.1.0.0/28", "10.2.0.0/16"},
		"too large":  {"10.0.0.0/8", "172.16.0.0/16"},
		"IPv6":       {"fd00::/64", "10.2.0.0/16"},
		"an overlap": {"10.1.0.0/16", "10.1.128.0/20"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n := host.Networks{Pods: netip.MustParsePrefix(c[0]), Services: netip.MustParsePrefix(c[1])}
			if n.Check() == nil {
				t.Error("accepted")
			}
		})
	}
}
