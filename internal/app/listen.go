package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	headerTimeout = 10 * time.Second
	readTimeout   = 5 * time.Minute  // an upload of 32 MiB at 1 Mbit/s
	writeTimeout  = 15 * time.Minute // routes of any size lift both
	idleTimeout   = 2 * time.Minute
	headerBytes   = 64 << 10
	// goodbye is how long calls may end when the server stops; `slipway down` waits
	// for it.
	goodbye = 3 * time.Second
)

// listen opens "host:port", or takes over the socket "fd:<n>" that the parent
// process opened.
func listen(ctx context.Context, address string) (net.Listener, error) {
	number, inherited := strings.CutPrefix(address, "fd:")
	if !inherited {
		var config net.ListenConfig
		return config.Listen(ctx, "tcp", address)
	}
	fd, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: want fd:<number>", address)
	}
	file := os.NewFile(uintptr(fd), address)
	l, err := net.FileListener(file) // a copy
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// httpServer has all limits set.
func httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// serve serves on l until ctx ends, then lets calls end for a moment.
func serve(ctx context.Context, name string, l net.Listener, h http.Handler) error {
	server := httpServer(h)
	slog.InfoContext(ctx, "listening", "listener", name, "address", l.Addr().String())
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("listener %s: %w", name, err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			return server.Close() // watches and streams are cut
		}
		return nil
	})
	return g.Wait()
}
