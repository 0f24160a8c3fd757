//go:build !linux

package local

import (
	"context"
	"errors"
	"runtime"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/local/host"
)

// errNotLinux is all that there is elsewhere.
var errNotLinux = errors.New("an instance needs Linux, this is " + runtime.GOOS + ": run slipway in a Linux machine or VM; or, " + host.ElsewhereHint)

// Reexec does nothing here.
func Reexec(string) {}

// Up says why not.
func Up(_ context.Context, cfg config.Config, _ UpOptions) (Status, error) {
	return stopped(cfg.Local), errNotLinux
}

// Query says why not.
func Query(_ context.Context, l config.Local) (Status, error) { return stopped(l), errNotLinux }

// Down says why not.
func Down(context.Context, config.Local) error { return errNotLinux }

// Purge says why not.
func Purge(config.Local) error { return errNotLinux }

// Doctor has one finding.
func Doctor(context.Context, config.Local) []host.Check {
	return []host.Check{{Name: "system", Fatal: true, Detail: "an instance needs Linux, this is " + runtime.GOOS, Remedy: host.ElsewhereHint}}
}
