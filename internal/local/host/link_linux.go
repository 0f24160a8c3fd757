package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

// LinkName is the host's end of the veth; at most 15 bytes in Linux.
func LinkName(instance string) string { return "sw-" + instance }

// Taken lists the ranges that the host has an address in or a route to, other
// than by its default routes.
func Taken() ([]netip.Prefix, error) {
	var taken []netip.Prefix
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{}, 0)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if p, ok := prefix(r.Dst); ok && p.Bits() > 0 {
			taken = append(taken, p)
		}
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addresses {
		if p, ok := prefix(a.IPNet); ok {
			taken = append(taken, p)
		}
	}
	return taken, nil
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP.To4())
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr, ones).Masked(), ok
}

// mtu is that of the links that default routes go out by: what is larger would be
// fragmented or lost there.
func mtu() int {
	least := 1500
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return least
	}
	for _, r := range routes {
		if r.Dst != nil && r.Dst.IP != nil && !r.Dst.IP.IsUnspecified() {
			continue
		}
		if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil && link.Attrs().MTU > 0 {
			least = min(least, link.Attrs().MTU)
		}
	}
	return least
}

// Connect makes the veth pair between the host and the namespace of pid, and the
// bridge, addresses and routes inside. It gives the MTU.
func Connect(instance string, n Networks, ns *Netns, pid int) (int, error) {
	size, name := mtu(), LinkName(instance)
	outside, inside := n.Link()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = name, size
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		return 0, fmt.Errorf("make link %s: %w", name, err)
	}
	if err := addressAndUp(name, outside); err != nil {
		return 0, err
	}
	err := netlink.RouteReplace(&netlink.Route{LinkIndex: veth.Index, Dst: ipNet(n.Pods), Gw: inside.Addr().AsSlice(), Src: outside.Addr().AsSlice()})
	if err != nil {
		return 0, fmt.Errorf("route %s to %s: %w", n.Pods, name, err)
	}
	return size, ns.Do(func() error { return inner(n, inside, outside, size) })
}

// inner runs inside the namespace.
func inner(n Networks, inside, outside netip.Prefix, size int) error {
	if err := addressAndUp("lo", netip.Prefix{}); err != nil {
		return err
	}
	if err := addressAndUp("eth0", inside); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = Bridge, size
	attrs.HardwareAddr = net.HardwareAddr{0x0a, 0x58, 0, 0, 0, 1} // fixed, or it would change with every pod
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make bridge: %w", err)
	}
	if err := addressAndUp(Bridge, netip.PrefixFrom(n.Node(), n.Pods.Bits())); err != nil {
		return err
	}
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	// A packet for a service that nobody serves goes to the bridge and dies there;
	// what leaves from the node carries the node's address.
	return errors.Join(
		netlink.RouteReplace(&netlink.Route{LinkIndex: bridge.Index, Dst: ipNet(n.Services), Src: n.Node().AsSlice(), Scope: netlink.SCOPE_LINK}),
		netlink.RouteReplace(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: outside.Addr().AsSlice(), Src: n.Node().AsSlice()}),
		sysctl("net/ipv4/ip_forward", "1"),
		optional(sysctl("net/bridge/bridge-nf-call-iptables", "1")),
		optional(sysctl("net/ipv6/conf/all/disable_ipv6", "0")),
	)
}

func addressAndUp(name string, address netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if address.IsValid() {
		ipnet := &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), 32)}
		if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipnet}); err != nil {
			return fmt.Errorf("address %s on %s: %w", address, name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// disconnect deletes the veth if it is still there.
func disconnect(instance string) error {
	link, err := netlink.LinkByName(LinkName(instance))
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}

func sysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644); err != nil {
		return fmt.Errorf("sysctl %s: %w", name, err)
	}
	return nil
}

// optional is for settings that not every kernel has.
func optional(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
