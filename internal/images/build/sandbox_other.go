//go:build !linux

package build

import (
	"context"
	"errors"
)

var errLinux = errors.New("images are built on Linux only")

func sandboxed(context.Context, program) error { return errLinux }

func lock(context.Context, string, string) (func() error, error) { return nil, errLinux }

func tryLock(string, string) (func() error, error) { return nil, errLinux }
