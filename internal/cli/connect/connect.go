// Package connect finds the server and the token that a command speaks with:
// flags first, then the environment, then the local instance.
package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/client"
	"github.com/slipway-ml/slipway/internal/config"
)

// Environment variables read here; flags win over them.
const (
	EnvServer = "SLIPWAY_SERVER"
	EnvToken  = "SLIPWAY_TOKEN"
	envPod    = "KF_PIPELINES_SA_TOKEN_PATH" // set in every pod made for a user
)

const (
	defaultDataRoot = "/var/lib/slipway"
	defaultInstance = "slipway"
	defaultConsole  = "127.0.0.1:8080"
	podServer       = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
)

// Options are the flags of every command that speaks to a server.
type Options struct {
	Server, TokenFile, Instance, Namespace string
}

// Flags adds the options to a command.
func (o *Options) Flags(f *pflag.FlagSet) {
	f.StringVar(&o.Server, "server", "", "address of the server (default: $"+EnvServer+", else the local instance)")
	f.StringVar(&o.TokenFile, "token-file", "", "file that holds a token (default: $"+EnvToken+", else the local instance's)")
	f.StringVar(&o.Instance, "instance", "", "name of the local instance (default: "+defaultInstance+")")
	f.StringVarP(&o.Namespace, "namespace", "n", "", "profile to work in (default: your own)")
}

// Common are the options of a verb that speaks to a server and prints what it got.
type Common struct {
	Options
	Format term.Format
}

// AddFlags adds the options to a command.
func (c *Common) AddFlags(cmd *cobra.Command) {
	c.Flags(cmd.Flags())
	cmd.Flags().VarP(&c.Format, "output", "o", "json, yaml or table")
}

// Client returns a client for the server that the options, the environment or
// the local instance name.
func (o *Options) Client() (*client.Client, error) {
	server, token, err := o.Login()
	if err != nil {
		return nil, err
	}
	return client.New(server, token)
}

// Login is the server's address and the token, for what is no REST call.
func (o *Options) Login() (server, token string, err error) {
	server, token, err = o.find()
	if err == nil && o.TokenFile != "" {
		token, err = readToken(o.TokenFile)
	}
	return server, token, err
}

func (o *Options) find() (server, token string, err error) {
	server, token = o.Server, os.Getenv(EnvToken)
	if server == "" {
		server = os.Getenv(EnvServer)
	}
	if server != "" && (token != "" || o.TokenFile != "") {
		return server, token, nil
	}
	if path := os.Getenv(envPod); path != "" && o.Instance == "" {
		if server == "" {
			server = podServer
		}
		token, err = readToken(path)
		return server, token, err
	}
	localServer, localToken, err := o.local()
	if err != nil {
		return "", "", err
	}
	if server == "" {
		server = localServer
	}
	if token == "" && server == localServer {
		token = localToken
	}
	return server, token, nil
}

// local reads address and token of the instance on this machine.
func (o *Options) local() (server, token string, err error) {
	name := o.Instance
	if name == "" {
		name = defaultInstance
	}
	dir := filepath.Join(defaultDataRoot, name)
	b, err := os.ReadFile(filepath.Join(dir, "slipway.yaml"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("no server: there is no local instance %q; start one with `slipway up`, or name a server with --server and --token-file", name)
	case errors.Is(err, fs.ErrPermission):
		return "", "", fmt.Errorf("the local instance belongs to root: run as root, or name the server with --server and a token of yours with --token-file")
	case err != nil:
		return "", "", err
	}
	var c config.Config
	if err := yaml.Unmarshal(b, &c); err != nil {
		return "", "", fmt.Errorf("%s: %w", filepath.Join(dir, "slipway.yaml"), err)
	}
	console := c.Local.Console
	if console == "" {
		console = defaultConsole
	}
	if o.TokenFile == "" {
		if token, err = readToken(filepath.Join(dir, "admin.token")); err != nil {
			return "", "", err
		}
	}
	return "http://" + console, token, nil
}

func readToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
