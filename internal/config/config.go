// Package config is the one versioned file, slipway.yaml, that drives `slipway
// up` and `slipway server`.
//
// The supervisor of a local instance fills what the user left open and hands the
// effective file to the server; `slipway status -o yaml` shows it.
package config

// Version and kind of the file.
const (
	APIVersion = "slipway.dev/v1"
	Kind       = "Config"
)

// Config is slipway.yaml.
type Config struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Local      Local   `json:"local,omitzero"`
	Network    Network `json:"network,omitzero"`
	Server     Server  `json:"server,omitzero"`
}

// Local configures an instance on this machine.
type Local struct {
	// Name of the instance: names its links, tables and cgroups. [a-z][a-z0-9-]{0,9}
	Name string `json:"name,omitempty"`
	// DataDir holds everything that the instance keeps. Default /var/lib/slipway/<name>.
	DataDir string `json:"dataDir,omitempty"`
	// DistroDir holds the bundled programs. Default: distro beside the slipway program.
	DistroDir string `json:"distroDir,omitempty"`
	// Console is the host address of the console. Default 127.0.0.1:8080.
	Console string `json:"console,omitempty"`
	// PodCIDR and ServiceCIDR are picked free of the host's routes when empty.
	PodCIDR     string `json:"podCIDR,omitempty"`
	ServiceCIDR string `json:"serviceCIDR,omitempty"`
}

// Network is what the platform and users' pods need to reach the outside. Empty
// fields are taken from the host at `up`.
type Network struct {
	// TrustBundle is a PEM file of certificate authorities.
	TrustBundle string `json:"trustBundle,omitempty"`
	HTTPProxy   string `json:"httpProxy,omitempty"`
	HTTPSProxy  string `json:"httpsProxy,omitempty"`
	NoProxy     string `json:"noProxy,omitempty"`
	Pip         Pip    `json:"pip,omitzero"`
}

// Pip are the Python index settings given to every pod made for a user.
type Pip struct {
	IndexURL       string   `json:"indexURL,omitempty"`
	ExtraIndexURLs []string `json:"extraIndexURLs,omitempty"`
	TrustedHosts   []string `json:"trustedHosts,omitempty"`
	Timeout        int      `json:"timeout,omitempty"` // seconds
}

// Server configures `slipway server`.
type Server struct {
	// Listen maps a listener's name (console, cluster, metrics) to "host:port" or
	// "fd:<n>" for a socket that was passed in.
	Listen map[string]string `json:"listen,omitempty"`
	// Kubeconfig is a path; empty: the pod's own service account.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Database is "sqlite:<path>" or a postgres URL.
	Database string   `json:"database,omitempty"`
	Objects  Objects  `json:"objects,omitzero"`
	Registry Registry `json:"registry,omitzero"`
	// AgentImage holds slipway-agent at /slipway-agent, mounted into steps.
	AgentImage string    `json:"agentImage,omitempty"`
	Bootstrap  Bootstrap `json:"bootstrap,omitzero"`
	// Domains are further host names under which the console may be called.
	Domains []string `json:"domains,omitempty"`
	// URL of the console as people reach it: http://127.0.0.1:8080.
	URL string `json:"url,omitempty"`
	// TLS of the console. On its port plain HTTP is answered too, which only
	// loopback listeners should do; kubectl sends a token by TLS alone.
	TLS TLS `json:"tls,omitzero"`
}

// TLS is a certificate with its key, in PEM files.
type TLS struct {
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
	// CAFile signed the certificate; empty: a public authority or itself.
	CAFile string `json:"caFile,omitempty"`
}

// Objects is the S3 store.
type Objects struct {
	// Endpoint as the server reaches it: http://host:port.
	Endpoint string `json:"endpoint,omitempty"`
	// PodEndpoint as pods reach it; default: Endpoint.
	PodEndpoint string `json:"podEndpoint,omitempty"`
	Region      string `json:"region,omitempty"` // default us-east-1
	// CredentialsFile is a 0600 JSON file {"accessKey","secretKey"}: the administrator's.
	CredentialsFile string `json:"credentialsFile,omitempty"`
	// Admin says how tenants get keys of their own: "versitygw", or "" where the
	// administrator provides them.
	Admin string `json:"admin,omitempty"`
	// BucketPrefix is put before a profile's name to name its bucket. Default "".
	BucketPrefix string `json:"bucketPrefix,omitempty"`
}

// Registry is the OCI registry that holds bundled and built images.
type Registry struct {
	// Endpoint as nodes and the server reach it: host:port.
	Endpoint string `json:"endpoint,omitempty"`
	// CredentialsFile is a 0600 JSON file {"username","password"}: the platform's own.
	// Users log in at the server, which passes their pushes and pulls on.
	CredentialsFile string `json:"credentialsFile,omitempty"`
}

// Bootstrap is made at the server's start when absent.
type Bootstrap struct {
	// Admin is the e-mail of the first administrator.
	Admin string `json:"admin,omitempty"`
	// Profile is the admin's home profile.
	Profile string `json:"profile,omitempty"`
	// TokenFile receives a personal token of Admin (0600).
	TokenFile string `json:"tokenFile,omitempty"`
	// Kubeconfig receives a kubeconfig (0600) that reaches Kubernetes through the
	// console's /k8s with that token.
	Kubeconfig string `json:"kubeconfig,omitempty"`
}
