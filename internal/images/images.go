// Package images owns which container images a Slipway instance has, and how
// nodes find them: the bundled registry's configuration, containerd's host
// configuration, the bundled images, and base images pulled or built at need.
//
// An image host/path:tag lies in the bundled registry as repository host/path
// (docker.io/library/python). The package must not know Kubernetes, nor who
// starts the registry.
package images

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-ml/slipway/internal/images/build"
)

// Host is the registry name of Slipway's own images; it exists in the bundled
// registry alone.
const Host = "slipway.dev"

// ProfilePrefix is before a profile's name in the repositories that its members
// push to: slipway.dev/profiles/<profile>/...
const ProfilePrefix = Host + "/profiles/"

// Pause is the sandbox of every pod; it comes with the distribution.
const Pause = Host + "/pause:1"

// Python and Examples are the base images that steps use.
var (
	Python   = build.Python().Ref
	Examples = build.Examples("").Ref
)

// AgentImage is the image that holds a slipway-agent program: the version, and a
// part of the program's digest, so that nodes never take another build for it.
func AgentImage(version, program string) (string, error) {
	f, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("the agent lies beside slipway: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", program, err)
	}
	tag := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		default:
			return '-'
		}
	}, version)
	return Host + "/agent:" + strings.TrimLeft(tag, ".-") + "-" + hex.EncodeToString(sum.Sum(nil)[:4]), nil
}

// Repository is where an image reference lies in the bundled registry, and its
// tag or digest: "python" is docker.io/library/python and latest.
func Repository(ref string) (repository, identifier string, err error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return "", "", fmt.Errorf("image %q: %w", ref, err)
	}
	return RepositoryAt(hostOf(r), r.Context().RepositoryStr()), r.Identifier(), nil
}

// RepositoryAt is the bundled repository of a path on a registry host.
func RepositoryAt(host, path string) string {
	if host == name.DefaultRegistry || host == "registry-1.docker.io" {
		host = "docker.io"
	}
	// A repository's name has no colon.
	return strings.ReplaceAll(strings.ToLower(host), ":", "_") + "/" + path
}

func hostOf(r name.Reference) string {
	if h := r.Context().RegistryStr(); h != name.DefaultRegistry {
		return h
	}
	return "docker.io"
}

// Canonical is a reference as containerd and kubectl describe write it.
func Canonical(ref string) (string, error) {
	repository, identifier, err := Repository(ref)
	if err != nil {
		return "", err
	}
	return Join(repository, identifier), nil
}

// Join puts a repository and a tag or digest together.
func Join(repository, identifier string) string {
	if strings.Contains(identifier, ":") {
		return repository + "@" + identifier
	}
	return repository + ":" + identifier
}
