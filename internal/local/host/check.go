package host

// Check is one thing that an instance needs of the host.
type Check struct {
	Name string `json:"name"`
	// OK, or else: Fatal says that nothing works without it.
	OK     bool   `json:"ok"`
	Fatal  bool   `json:"fatal,omitempty"`
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// ElsewhereHint is the way for those who cannot run an instance here.
const ElsewhereHint = "to use a Kubernetes cluster that you have instead, run there: slipway server --config FILE (docs/guide/cluster.md), and name it here with --server"

// DefaultInstance is the name of an instance that nobody named.
const DefaultInstance = "slipway"

// Mark is what an instance's table, cgroups and node are called.
func Mark(instance string) string {
	if instance == DefaultInstance {
		return instance
	}
	return DefaultInstance + "-" + instance
}
