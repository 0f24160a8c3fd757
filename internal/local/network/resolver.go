package network

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// ResolvConf is where the host says whom it asks.
const ResolvConf = "/etc/resolv.conf"

// answerWithin is how long one nameserver may take; glibc's default is 5 s.
const answerWithin = 2 * time.Second

// Resolver relays DNS messages to the nameservers of the host, whatever they are
// at the moment: a stub on the loopback, or those of the network just joined.
type Resolver struct {
	File   string // ResolvConf
	Dialer net.Dialer

	mu      sync.Mutex
	read    time.Time // the file's modification time when it was read
	servers []string
}

// Servers are the nameservers now, as host:port. The file is read again only when
// it has changed.
func (r *Resolver) Servers() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.File)
	if err != nil || info.ModTime().Equal(r.read) {
		return r.servers
	}
	data, err := os.ReadFile(r.File)
	if err != nil {
		return r.servers
	}
	r.read, r.servers = info.ModTime(), nil
	for _, s := range nameservers(string(data)) {
		r.servers = append(r.servers, net.JoinHostPort(s, "53"))
	}
	return r.servers
}

func nameservers(text string) []string { return values(text, "nameserver") }

// SearchDomains are those of a resolv.conf; its last search line counts.
func SearchDomains(text string) []string {
	var last []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "search" {
			last = fields[1:]
		}
	}
	return last
}

func values(text, key string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			list = append(list, fields[1])
		}
	}
	return list
}

// ServeUDP answers until conn is closed.
func (r *Resolver) ServeUDP(ctx context.Context, conn net.PacketConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			slog.WarnContext(ctx, "read DNS query", "error", err)
			continue
		}
		query := append([]byte(nil), buffer[:n]...)
		go func() {
			answer := r.Exchange(ctx, "udp", query)
			if _, err := conn.WriteTo(answer, from); err != nil && !errors.Is(err, net.ErrClosed) {
				slog.WarnContext(ctx, "write DNS answer", "error", err)
			}
		}()
	}
}

// ServeTCP answers until l is closed; a connection may carry many queries.
func (r *Resolver) ServeTCP(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			for {
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				query, err := readFrame(conn)
				if err != nil || writeFrame(conn, r.Exchange(ctx, "tcp", query)) != nil {
					return
				}
			}
		}()
	}
}

// Exchange asks one nameserver after the other; when none answers, the answer is
// SERVFAIL, so that the asker need not wait for its own time-out.
func (r *Resolver) Exchange(ctx context.Context, network string, query []byte) []byte {
	for _, server := range r.Servers() {
		if answer, err := r.ask(ctx, network, server, query); err == nil {
			return answer
		}
	}
	return servfail(query)
}

func (r *Resolver) ask(ctx context.Context, network, server string, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := r.Dialer.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if network == "tcp" {
		if err := writeFrame(conn, query); err != nil {
			return nil, err
		}
		return readFrame(conn)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	answer := make([]byte, 64<<10)
	n, err := conn.Read(answer)
	return answer[:n], err
}

// servfail turns a query into its own answer: header bits QR and RA, RCODE 2
// (RFC 1035, 4.1.1).
func servfail(query []byte) []byte {
	answer := append([]byte(nil), query...)
	if len(answer) >= 12 {
		answer[2] |= 0x80
		answer[3] = 0x80 | 2
	}
	return answer
}

// Messages over TCP carry their length first (RFC 1035, 4.2.2).
func readFrame(conn io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func writeFrame(conn io.Writer, message []byte) error {
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
