package network

import (
	"context"
	"io"
	"net"
	"time"
)

// Serve connects whoever connects to l to target, until l is closed.
func Serve(ctx context.Context, l net.Listener, target string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go join(ctx, conn, target)
	}
}

func join(ctx context.Context, conn net.Conn, target string) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return // the client sees the closed connection
	}
	defer func() { _ = out.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		oneWay(out, conn)
	}()
	oneWay(conn, out)
	<-done
}

// oneWay copies until the source ends, and says so to the sink.
func oneWay(to, from net.Conn) {
	_, _ = io.Copy(to, from) // whoever broke it, both ends are closed next
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
