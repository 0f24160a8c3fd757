package images

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"
)

// Credential opens the bundled registry: the node's, the supervisor's and the
// server's. Users never have it; they log in at the server.
type Credential struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// RegistryEnv are variables for the registry program: without them it looks for
// a collector of traces.
var RegistryEnv = []string{"OTEL_TRACES_EXPORTER=none", "GOGC=50", "GOMEMLIMIT=100MiB"}

// registryConfig: data folder, address, secret, htpasswd file. Locations are
// relative, since the server passes requests on.
const registryConfig = `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
  cache: {blobdescriptor: inmemory}
http:
  addr: %q
  relativeurls: true
  secret: %q
auth:
  htpasswd: {realm: slipway, path: %q}
`

// PrepareRegistry writes what the registry program starts with into dir: its
// configuration (config.yml, the path returned), its password file, and once the
// credential (0600) that CredentialFile names.
func PrepareRegistry(dir, address string) (config string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	credential, err := ReadCredential(CredentialFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		credential = Credential{Username: "slipway", Password: rand.Text()}
		err = writeJSON(CredentialFile(dir), credential)
	}
	if err != nil {
		return "", fmt.Errorf("registry credential: %w", err)
	}
	// The lowest cost: the password is random, and is checked at every request.
	hash, err := bcrypt.GenerateFromPassword([]byte(credential.Password), bcrypt.MinCost)
	if err != nil {
		return "", err
	}
	htpasswd := filepath.Join(dir, "htpasswd")
	if err := os.WriteFile(htpasswd, fmt.Appendf(nil, "%s:%s\n", credential.Username, hash), 0o600); err != nil {
		return "", err
	}
	config = filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(registryConfig, filepath.Join(dir, "data"), address, credential.Password, htpasswd)
	return config, os.WriteFile(config, []byte(text), 0o600)
}

// CredentialFile is where the registry's credential lies.
func CredentialFile(dir string) string { return filepath.Join(dir, "credential.json") }

// ReadCredential reads a credential file.
func ReadCredential(file string) (Credential, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Credential{}, err
	}
	var c Credential
	if err := json.Unmarshal(raw, &c); err != nil {
		return Credential{}, fmt.Errorf("%s: %w", file, err)
	}
	if c.Username == "" || c.Password == "" {
		return Credential{}, fmt.Errorf("%s: username or password is missing", file)
	}
	return c, nil
}

// writeJSON writes a secret whole or not at all.
func writeJSON(file string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
