// Package image holds the verbs of `slipway image`: the registry that comes with
// Slipway, and the base images that are pulled or built on this machine.
package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/spf13/cobra"

	"github.com/slipway-ml/slipway/internal/cli/connect"
	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/images"
)

// New returns `slipway image`.
func New(s *term.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "image", Aliases: []string{"images"}, Short: "List, load, push and pull container images", GroupID: "platform",
		Long: `Works on the registry that comes with Slipway. Nodes ask it first and the
outside after, so an image that is in it needs no other registry.

A profile's members push below slipway.dev/profiles/<profile>/; every other name
is everybody's to use and the administrator's to provide.`,
	}
	cmd.AddCommand(newList(s), newLoad(s), newPush(s), newPull(s), newEnsure(s))
	return cmd
}

type common struct {
	connect.Options
	format term.Format
}

func (c *common) flags(cmd *cobra.Command) { c.Flags(cmd.Flags()) }

// store is the registry as the caller may use it.
func (c *common) store() (*images.Store, error) {
	server, token, err := c.Login()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("server address %q: %w", server, err)
	}
	login := images.Credential{Username: "token", Password: token}
	if u.Scheme == "https" {
		return images.NewStoreTLS(u.Host, login)
	}
	return images.NewStore(u.Host, login)
}

// profile is the one that was named, or the caller's own.
func (c *common) profile(ctx context.Context) (string, error) {
	if c.Namespace != "" {
		return c.Namespace, nil
	}
	client, err := c.Client()
	if err != nil {
		return "", err
	}
	me, err := client.WhoAmI(ctx)
	if err != nil {
		return "", err
	}
	if me.HomeProfile == "" {
		return "", errors.New("you have no profile of your own: name one with -n, or write the image's whole name")
	}
	return me.HomeProfile, nil
}

// fullName puts a name without a host below the profile's prefix.
func (c *common) fullName(ctx context.Context, ref string) (string, error) {
	if host, _, found := strings.Cut(ref, "/"); found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return images.Canonical(ref)
	}
	profile, err := c.profile(ctx)
	if err != nil {
		return "", err
	}
	return images.Canonical(images.ProfilePrefix + profile + "/" + ref)
}

// explain turns the registry's refusal into a sentence.
func explain(err error, ref string) error {
	var e *transport.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return errors.New("not logged in: the token is missing, expired or revoked (give one with --token-file or SLIPWAY_TOKEN)")
	case http.StatusForbidden:
		return fmt.Errorf("you may not do that with %s: a profile's members use and push what is below %s<profile>/, everybody uses public names, which the administrator pushes", ref, images.ProfilePrefix)
	default:
		return err
	}
}
