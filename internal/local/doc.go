// Package local is `slipway up`: an instance of the whole platform on this Linux
// machine, in namespaces of its own.
//
// Up starts a supervisor, a daemon that holds the data folder, prepares the host
// (package host), makes the namespaces with their first process (pidone), runs the
// components (component says which, children keeps them alive), bootstraps
// Kubernetes (cluster) and relays what only the host can reach (network). A
// control socket answers status and stop. What ends the supervisor ends the
// instance; what ends the instance's first process makes the supervisor build it
// anew.
//
// It must not know the product's domains: the server is one more component.
package local
