// Package network finds out how the host reaches the outside (trust store, proxy,
// Python index, resolver) and makes it work inside an instance: what listens on
// the host's loopback is relayed, what cannot be used there is left out with a
// word about it.
//
// It must not know who uses the settings.
package network
