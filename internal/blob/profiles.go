package blob

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// keyAge is how long a profile's key is used before it is asked for again: a
// rotated key is picked up within it.
const keyAge = time.Minute

// Profiles opens the store as a profile: each has a key of its own.
type Profiles struct {
	config func(ctx context.Context, namespace string) (Config, error)
	clock  func() time.Time

	mu   sync.Mutex
	open map[string]opened
}

type opened struct {
	store *Store
	at    time.Time
}

// NewProfiles takes the function that finds a profile's endpoint and key (in a
// cluster: its Secret mlpipeline-minio-artifact).
func NewProfiles(clock func() time.Time, config func(ctx context.Context, namespace string) (Config, error)) *Profiles {
	return &Profiles{config: config, clock: clock, open: map[string]opened{}}
}

// ForProfile is the store with the key of the profile that owns the namespace.
func (p *Profiles) ForProfile(ctx context.Context, namespace string) (*Store, error) {
	now := p.clock()
	p.mu.Lock()
	o, ok := p.open[namespace]
	p.mu.Unlock()
	if ok && now.Sub(o.at) < keyAge {
		return o.store, nil
	}
	c, err := p.config(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("S3 key of profile %s: %w", namespace, err)
	}
	store, err := Open(c)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[namespace] = opened{store: store, at: now}
	return store, nil
}
