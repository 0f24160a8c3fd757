package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/slipway-ml/slipway/internal/config"
)

// tlsRecord is the first byte of a TLS handshake; no HTTP request begins with it.
const tlsRecord = 0x16

// lookAhead holds a short request whole: what is left unread when tls answers plain
// HTTP with its hint would reset the connection before the hint arrives.
const lookAhead = 1 << 10

// withTLS answers TLS and, on loopback, plain HTTP on one listener, told apart by
// the first byte. Browsers and SDKs use a local console by http://; kubectl sends
// its token only by TLS. Elsewhere TLS is asked for.
func withTLS(ctx context.Context, l net.Listener, files config.TLS) (net.Listener, error) {
	tcp, ok := l.Addr().(*net.TCPAddr)
	plain := ok && tcp.IP.IsLoopback()
	if files.CertFile == "" && !plain {
		return nil, fmt.Errorf("the console listens on %s, which is not loopback: set server.tls", l.Addr())
	}
	if files.CertFile == "" {
		return l, nil
	}
	load := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the console's certificate: %w", err)
		}
		return &cert, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	s := &sniffer{Listener: l, plain: plain, conns: make(chan net.Conn), done: make(chan struct{}), config: &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		// Read at every handshake: a renewed certificate needs no restart.
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return load() },
	}}
	go s.accept(ctx)
	return s, nil
}

type sniffer struct {
	net.Listener
	plain  bool
	config *tls.Config
	conns  chan net.Conn
	done   chan struct{}
	once   sync.Once
	err    error
}

// accept looks at each connection in a goroutine of its own: one that stays silent
// must not keep others waiting.
func (s *sniffer) accept(ctx context.Context) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			s.err = err
			s.stop()
			return
		}
		go func() {
			seen, err := s.look(conn)
			if err != nil {
				slog.DebugContext(ctx, "a connection ended before it said anything", "error", err)
				_ = conn.Close() // it has failed already
				return
			}
			select {
			case s.conns <- seen:
			case <-s.done:
				_ = conn.Close() // nobody will serve it
			}
		}()
	}
}

func (s *sniffer) look(conn net.Conn) (net.Conn, error) {
	if err := conn.SetReadDeadline(time.Now().Add(headerTimeout)); err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(conn, lookAhead)
	first, err := reader.Peek(1)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	peeked := &peekedConn{Conn: conn, reader: reader}
	if first[0] == tlsRecord || !s.plain { // tls answers plain HTTP with a hint
		return tls.Server(peeked, s.config), nil
	}
	return peeked, nil
}

func (s *sniffer) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.done:
		return nil, s.err
	}
}

func (s *sniffer) Close() error {
	err := s.Listener.Close() // ends accept, which calls stop
	<-s.done
	return err
}

func (s *sniffer) stop() { s.once.Do(func() { close(s.done) }) }

// peekedConn reads what was looked at first.
type peekedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *peekedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }
