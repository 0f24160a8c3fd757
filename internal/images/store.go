package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-ml/slipway/internal/images/ocitar"
)

// Store is the bundled registry as a client sees it: itself, or the server's /v2/.
type Store struct {
	registry  name.Registry
	auth      authn.Authenticator
	transport http.RoundTripper
}

// NewStore speaks to the registry at host:port over plain HTTP.
func NewStore(address string, c Credential) (*Store, error) {
	return newStore(address, c, name.Insecure)
}

// NewStoreTLS is NewStore over HTTPS.
func NewStoreTLS(address string, c Credential) (*Store, error) {
	return newStore(address, c)
}

func newStore(address string, c Credential, opts ...name.Option) (*Store, error) {
	registry, err := name.NewRegistry(address, opts...)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", address, err)
	}
	direct := remote.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // its declared type is an interface, its value this
	direct.Proxy = nil                                          // on this machine
	return &Store{
		registry: registry, transport: direct,
		auth: &authn.Basic{Username: c.Username, Password: c.Password},
	}, nil
}

func (s *Store) options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(s.auth), remote.WithTransport(s.transport), remote.WithJobs(3),
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Steps: 3}),
	}
}

// reference is where an image lies in the store.
func (s *Store) reference(ref string) (name.Reference, error) {
	repository, identifier, err := Repository(ref)
	if err != nil {
		return nil, err
	}
	repo := s.registry.Repo(repository)
	if strings.Contains(identifier, ":") {
		return repo.Digest(identifier), nil
	}
	return repo.Tag(identifier), nil
}

// Digest is an image's digest in the store; ok is false where there is none.
func (s *Store) Digest(ctx context.Context, ref string) (digest v1.Hash, ok bool, err error) {
	r, err := s.reference(ref)
	if err != nil {
		return v1.Hash{}, false, err
	}
	d, err := remote.Head(r, s.options(ctx)...)
	if absent(err) {
		return v1.Hash{}, false, nil
	}
	if err != nil {
		return v1.Hash{}, false, fmt.Errorf("look for %s in the bundled registry: %w", ref, err)
	}
	return d.Digest, true, nil
}

// Image opens an image of the store, for this machine's architecture.
func (s *Store) Image(ctx context.Context, ref string) (v1.Image, error) {
	r, err := s.reference(ref)
	if err != nil {
		return nil, err
	}
	return remote.Image(r, append(s.options(ctx), remote.WithPlatform(ocitar.Platform()))...)
}

// Push stores an image under ref with where it came from. What the store has
// already is not sent again.
func (s *Store) Push(ctx context.Context, ref string, img v1.Image, p Provenance) error {
	r, err := s.reference(ref)
	if err != nil {
		return err
	}
	if err := remote.Write(r, img, s.options(ctx)...); err != nil {
		return fmt.Errorf("store image %s: %w", ref, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	return s.writeProvenance(ctx, r.Context(), digest, p)
}

// absent says whether a registry answered that there is no such thing.
func absent(err error) bool {
	var e *transport.Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound
}

// Provenance says where an image came from. It is kept beside the image, under
// the tag sha256-<digest>.provenance, as the annotations of an empty index, so that
// the image stays what it is.
type Provenance struct {
	Origin Origin    `json:"origin"`
	Source string    `json:"source,omitempty"` // in words: from where, from what
	Time   time.Time `json:"time,omitzero"`
	// StandInFor names the image that this one replaces where no registry could be reached.
	StandInFor string `json:"standInFor,omitempty"`
}

// Origin is how an image came to be in the store.
type Origin string

// Origins.
const (
	Bundled Origin = "bundled" // came with Slipway
	Pulled  Origin = "pulled"  // from an outside registry
	Built   Origin = "built"   // on this machine
	Loaded  Origin = "loaded"  // from a file
	Pushed  Origin = "pushed"  // by a client that says nothing about it
)

const (
	provenanceSuffix = ".provenance"
	annotationOrigin = "dev.slipway.image.origin"
	annotationSource = "dev.slipway.image.source"
	annotationTime   = "dev.slipway.image.time"
	annotationFor    = "dev.slipway.image.stand-in-for"
)

func provenanceTag(repo name.Repository, digest v1.Hash) name.Tag {
	return repo.Tag(digest.Algorithm + "-" + digest.Hex + provenanceSuffix)
}

func (s *Store) writeProvenance(ctx context.Context, repo name.Repository, digest v1.Hash, p Provenance) error {
	notes := map[string]string{
		annotationOrigin: string(p.Origin), annotationSource: p.Source,
		annotationTime: p.Time.UTC().Format(time.RFC3339), annotationFor: p.StandInFor,
	}
	index, ok := mutate.Annotations(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), notes).(v1.ImageIndex)
	if !ok {
		return errors.New("annotations of an index are no index")
	}
	if err := remote.WriteIndex(provenanceTag(repo, digest), index, s.options(ctx)...); err != nil {
		return fmt.Errorf("note where %s came from: %w", repo.RepositoryStr(), err)
	}
	return nil
}

// provenance of an image; Pushed where nobody noted it.
func (s *Store) provenance(ctx context.Context, repo name.Repository, digest v1.Hash) (Provenance, error) {
	index, err := remote.Index(provenanceTag(repo, digest), s.options(ctx)...)
	if absent(err) {
		return Provenance{Origin: Pushed}, nil
	}
	if err != nil {
		return Provenance{}, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return Provenance{}, err
	}
	p := Provenance{Origin: Origin(m.Annotations[annotationOrigin]), Source: m.Annotations[annotationSource], StandInFor: m.Annotations[annotationFor]}
	if t, err := time.Parse(time.RFC3339, m.Annotations[annotationTime]); err == nil {
		p.Time = t
	}
	return p, nil
}
