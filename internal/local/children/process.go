package children

import (
	"context"
	"fmt"
	"time"
)

// How often a starting component is probed, how often a ready one, and how long
// one probe may take.
const (
	probeStarting = 40 * time.Millisecond
	probeReady    = 10 * time.Second
	probeTimeout  = 3 * time.Second
)

// Running is a started process.
type Running interface {
	Done() <-chan struct{}
	// Err says how it ended.
	Err() error
	// Stop asks it to end and, after the grace, makes it.
	Stop(grace time.Duration)
}

// Process makes a Run of a program: start starts it, probe says whether it is
// ready, grace is how long it may take to end.
func Process(start func(context.Context) (Running, error), probe func(context.Context) error, grace time.Duration) func(context.Context, func(error)) error {
	return func(ctx context.Context, report func(error)) error {
		process, err := start(ctx)
		if err != nil {
			return err
		}
		pause := time.NewTimer(0)
		defer pause.Stop()
		for {
			select {
			case <-process.Done():
				return ended(process)
			case <-ctx.Done():
				process.Stop(grace)
				return ctx.Err()
			case <-pause.C:
				err := probeOnce(ctx, probe)
				if ctx.Err() == nil {
					report(err)
				}
				if err != nil {
					pause.Reset(probeStarting)
				} else {
					pause.Reset(probeReady)
				}
			}
		}
	}
}

func ended(p Running) error {
	if err := p.Err(); err != nil {
		return fmt.Errorf("ended: %w", err)
	}
	return fmt.Errorf("ended by itself")
}

func probeOnce(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return probe(ctx)
}
