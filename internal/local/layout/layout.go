// Package layout is an instance's data folder: where things lie in it, who holds
// it, and which program may open it.
//
// It must not know what is in the folders that it names.
package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Format is the version of the folder's layout that this program writes. An
// older program refuses a newer one.
const Format = 1

// Dir is a data folder.
type Dir string

// Path joins names below the folder.
func (d Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// PKI holds certificates and keys.
func (d Dir) PKI() string { return d.Path("pki") }

// Logs holds what the components say.
func (d Dir) Logs() string { return d.Path("logs") }

// Config holds the components' generated files.
func (d Dir) Config() string { return d.Path("config") }

// Server holds what the Slipway server keeps.
func (d Dir) Server() string { return d.Path("server") }

// Kubeconfig is people's way to Kubernetes.
func (d Dir) Kubeconfig() string { return d.Path("kubeconfig") }

// AdminToken is the administrator's way to the server.
func (d Dir) AdminToken() string { return d.Path("admin.token") }

// folders are made by Create, for root alone: containers see what is mounted into
// them, not the path to it.
var folders = []string{"", "pki", "config", "etcd", "containerd", "kubelet", "cni", "logs", "logs/pods", "logs/containers", "registry", "s3", "volumes", "server"}

// Create makes what is missing of the folder.
func (d Dir) Create() error {
	for _, name := range folders {
		if err := os.MkdirAll(d.Path(name), 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
		if err := os.Chmod(d.Path(name), 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
	}
	return nil
}

// Version is the VERSION file.
type Version struct {
	Format     int    `json:"format"`
	Kubernetes string `json:"kubernetes"` // v1.37.2
}

// ReadVersion gives the zero Version for a folder that has none.
func (d Dir) ReadVersion() (Version, error) {
	var v Version
	data, err := os.ReadFile(d.Path("VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil || v.Format < 1 {
		return v, fmt.Errorf("%s is not readable as the version of a data folder; restore it, or start afresh with: slipway down --purge", d.Path("VERSION"))
	}
	return v, nil
}

// WriteVersion marks the folder as opened by this program.
func (d Dir) WriteVersion(kubernetes string) error {
	data, err := json.Marshal(Version{Format: Format, Kubernetes: kubernetes})
	if err != nil {
		return err
	}
	return WriteFile(d.Path("VERSION"), append(data, '\n'), 0o644)
}

// MayOpen says whether a program with this Kubernetes may open a folder of version
// v: its layout must not be newer, and Kubernetes supports going up by one minor
// version at a time and never down.
func (v Version) MayOpen(kubernetes string) error {
	if v.Format > Format {
		return fmt.Errorf("the data folder has format %d, this program knows up to %d: use the newer slipway that wrote it", v.Format, Format)
	}
	if v.Kubernetes == "" {
		return nil
	}
	old, err := minor(v.Kubernetes)
	if err != nil {
		return err
	}
	now, err := minor(kubernetes)
	if err != nil {
		return err
	}
	switch {
	case now < old:
		return fmt.Errorf("the data folder was written by Kubernetes %s, this program brings %s: Kubernetes cannot go back, use a newer slipway", v.Kubernetes, kubernetes)
	case now > old+1:
		return fmt.Errorf("the data folder was written by Kubernetes %s, this program brings %s: go there one minor version at a time", v.Kubernetes, kubernetes)
	}
	return nil
}

var versionPattern = regexp.MustCompile(`^v?1\.(\d+)(\.|$)`)

func minor(version string) (int, error) {
	m := versionPattern.FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("%q is not a Kubernetes version", version)
	}
	return strconv.Atoi(m[1])
}

// WriteFile replaces a file whole or not at all.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(mode), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
