// Package pidone is the tiny first process of an instance's namespaces, and the
// handle by which the supervisor drives it.
//
// The supervisor re-executes its own program with new PID, mount, network, UTS
// and IPC namespaces. The new process is PID 1 of them: it mounts what it is
// told, starts the processes it is asked for over a socket pair, reaps every
// orphan and reports exits. It ends when its socket closes, and with it, by the
// kernel's hand, everything in the namespaces.
//
// It must not know what it runs.
package pidone
