package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
)

// ErrNotRunning says that no supervisor answers.
var ErrNotRunning = errors.New("the instance is not running")

// ErrNotRoot says that only root may ask.
var ErrNotRoot = errors.New("the instance belongs to root: run with sudo")

// control speaks with a supervisor over its socket.
type control struct{ client *http.Client }

func newControl(socket string) control {
	return control{&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

func (c control) status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, "/status", &s)
	return s, err
}

// stop asks for the end; it does not wait for it.
func (c control) stop(ctx context.Context) error { return c.do(ctx, http.MethodPost, "/stop", nil) }

func (c control) do(ctx context.Context, method, path string, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://slipway"+path, nil)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ErrNotRoot
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return ErrNotRunning
	case err != nil:
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("supervisor: %s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// stopped is the status of an instance that does not run.
func stopped(l config.Local) Status {
	return Status{Name: l.Name, State: StateStopped, DataDir: l.DataDir}
}
