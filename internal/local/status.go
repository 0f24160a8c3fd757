package local

import (
	"time"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local/children"
)

// The states of an instance.
const (
	StateStopped  = "Stopped"
	StateStarting = "Starting"
	StateReady    = "Ready"
	StateDegraded = "Degraded" // was ready; some component is not
	StateStopping = "Stopping"
)

// Status is what `slipway status` shows.
type Status struct {
	Name       string            `json:"name"`
	State      string            `json:"state"`
	Since      time.Time         `json:"since,omitzero"`
	URL        string            `json:"url,omitempty"`
	DataDir    string            `json:"dataDir"`
	Kubeconfig string            `json:"kubeconfig,omitempty"`
	TokenFile  string            `json:"tokenFile,omitempty"`
	PID        int               `json:"pid,omitempty"`
	Kubernetes string            `json:"kubernetes,omitempty"`
	Components []children.Status `json:"components,omitempty"`
	Network    *NetworkStatus    `json:"network,omitempty"`
	// Images are the base images, which come after all else is ready.
	Images   []images.BaseState `json:"images,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// NetworkStatus are the settings in effect.
type NetworkStatus struct {
	Node      string         `json:"node"`
	Pods      string         `json:"pods"`
	Services  string         `json:"services"`
	Resolvers []string       `json:"resolvers,omitempty"`
	Relays    []RelayStatus  `json:"relays,omitempty"`
	Outside   config.Network `json:"outside"`
}

// RelayStatus is one port of the host's loopback that pods can reach.
type RelayStatus struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Pending lists the components that are not ready yet.
func (s Status) Pending() []children.Status {
	var pending []children.Status
	for _, c := range s.Components {
		if !c.State.OK() {
			pending = append(pending, c)
		}
	}
	return pending
}
