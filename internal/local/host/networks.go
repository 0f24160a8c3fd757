package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Networks are an instance's addresses.
type Networks struct {
	Pods     netip.Prefix `json:"pods"`
	Services netip.Prefix `json:"services"`
}

// Bridge is the pods' bridge inside the namespace.
const Bridge = "slipway0"

// ErrNoNetwork says that every private range is in use.
var ErrNoNetwork = errors.New("no private address range is free: set local.podCIDR and local.serviceCIDR in slipway.yaml")

// Sizes of what is picked: 32,766 pods over time (addresses are reused), 4,094 services.
const (
	podBits     = 17
	serviceBits = 20
)

// Pick fills what is invalid in n with ranges that overlap nothing in taken.
func (n Networks) Pick(taken []netip.Prefix) (Networks, error) {
	if n.Pods.IsValid() {
		taken = append(taken, n.Pods)
	}
	if n.Services.IsValid() {
		taken = append(taken, n.Services)
	}
	for _, block := range blocks() {
		if n.Pods.IsValid() && n.Services.IsValid() {
			return n, nil
		}
		if Overlaps(block, taken) {
			continue
		}
		if !n.Pods.IsValid() {
			n.Pods = netip.PrefixFrom(block.Addr(), podBits)
		}
		if !n.Services.IsValid() {
			n.Services = netip.PrefixFrom(add(block.Addr(), 1<<15), serviceBits)
		}
	}
	if !n.Pods.IsValid() || !n.Services.IsValid() {
		return n, ErrNoNetwork
	}
	return n, nil
}

// blocks are the /16 candidates, those first that clouds, VPNs and other
// programs' defaults (10.0-10.63, 10.96, 10.244, 172.17 ...) use least.
func blocks() []netip.Prefix {
	var list []netip.Prefix
	add := func(a, from, to int) {
		for b := from; b <= to; b++ {
			list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a), byte(b), 0, 0}), 16))
		}
	}
	add(10, 120, 239)
	add(10, 64, 119)
	add(172, 18, 31)
	add(10, 0, 63)
	add(192, 168, 168)
	return list
}

// Overlaps says whether p shares an address with one of the others.
func Overlaps(p netip.Prefix, others []netip.Prefix) bool {
	for _, o := range others {
		if p.Overlaps(o) {
			return true
		}
	}
	return false
}

// Check refuses ranges that cannot work.
func (n Networks) Check() error {
	for name, p := range map[string]netip.Prefix{"podCIDR": n.Pods, "serviceCIDR": n.Services} {
		if !p.Addr().Is4() || p.Masked() != p || p.Bits() > 24 || p.Bits() < 12 {
			return fmt.Errorf("local.%s %s: want an IPv4 range such as 10.120.0.0/17, of 12 to 24 bits", name, p)
		}
	}
	if n.Pods.Overlaps(n.Services) {
		return fmt.Errorf("local.podCIDR %s and local.serviceCIDR %s overlap", n.Pods, n.Services)
	}
	return nil
}

// Node is the bridge's address: the node's, and that of everything which pods may
// reach on it.
func (n Networks) Node() netip.Addr { return add(n.Pods.Addr(), 1) }

// PodRange are the first and the last address that a pod may get.
func (n Networks) PodRange() (first, last netip.Addr) {
	return add(n.Pods.Addr(), 2), add(n.Pods.Addr(), n.size()-6)
}

// Link are the veth's addresses on the host and inside, the last four addresses
// of the pods' range.
func (n Networks) Link() (outside, inside netip.Prefix) {
	return netip.PrefixFrom(add(n.Pods.Addr(), n.size()-3), 30), netip.PrefixFrom(add(n.Pods.Addr(), n.size()-2), 30)
}

// Service is the i-th address of the services: 1 is the API server's, 10 DNS'.
func (n Networks) Service(i uint32) netip.Addr { return add(n.Services.Addr(), i) }

func (n Networks) size() uint32 { return 1 << (32 - n.Pods.Bits()) }

func add(a netip.Addr, i uint32) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+i)
	return netip.AddrFrom4(b)
}
