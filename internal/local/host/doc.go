// Package host is what an instance needs of the machine under it, and what it
// leaves there while it runs: one veth pair, one nftables table, one cgroup
// subtree, a folder under /run/slipway, and, where a host firewall drops forwarded
// packets, accept rules for the veth. Everything carries the instance's name, so
// that Clean finds it even if nobody remembers.
//
// It must not know the components of an instance.
package host
