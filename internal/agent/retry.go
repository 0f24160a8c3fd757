package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slipway-ml/slipway/internal/blob"
)

// How long the agent waits for an object store that does not answer. The outcome
// is waited for longest: without it the whole step would run again.
const (
	patience        = 5 * time.Minute
	outcomePatience = 15 * time.Minute
	firstDelay      = 200 * time.Millisecond
	maxDelay        = 10 * time.Second
)

// awayError says that the object store could not be reached in time: the fault of
// the platform, not of the step.
type awayError struct{ err error }

func (e *awayError) Error() string { return "the object store does not answer: " + e.err.Error() }
func (e *awayError) Unwrap() error { return e.err }

// retry calls fn until it succeeds, fails for good, or the patience is over.
func retry(ctx context.Context, say func(string), patience time.Duration, fn func(context.Context) error) error {
	giveUp := time.Now().Add(patience)
	delay := firstDelay
	for said := false; ; {
		err := fn(ctx)
		var final *stepError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &final) || !blob.Temporary(err):
			return err
		case time.Now().After(giveUp):
			return &awayError{err}
		}
		if !said && delay > time.Second {
			say(fmt.Sprintf("the object store does not answer (%v); trying again for %s", err, patience))
			said = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay/2 + rand.N(delay)/2):
		}
		delay = min(2*delay, maxDelay)
	}
}
