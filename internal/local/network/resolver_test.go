package network

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServersFollowTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &Resolver{File: file}
	write("# a comment\nnameserver 127.0.0.53\noptions edns0\nsearch corp.example\n", start)
	if diff := cmp.Diff([]string{"127.0.0.53:53"}, r.Servers()); diff != "" {
		t.Error(diff)
	}
	write("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", start.Add(time.Second))
	if diff := cmp.Diff([]string{"192.0.2.1:53", "[2001:db8::1]:53"}, r.Servers()); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if len(r.Servers()) != 2 {
		t.Error("a missing file forgets the servers")
	}
}

func TestSearchDomains(t *testing.T) {
	if diff := cmp.Diff([]string{"b", "c"}, SearchDomains("search a\nnameserver 1.1.1.1\nsearch b c\n")); diff != "" {
		t.Error(diff)
	}
}

// echo is a nameserver that answers with the query reversed.
func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

func TestRelay(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(reversed(buffer[:n]), from)
		}
	}()
	relay, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	r := &Resolver{File: "/nonexistent", servers: []string{"127.0.0.1:1", server.LocalAddr().String()}} // the first refuses
	go r.ServeUDP(t.Context(), relay)
	client, err := net.Dial("udp", relay.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	query := []byte("0123456789ab-query")
	if _, err := client.Write(query); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 512)
	_ = client.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := client.Read(answer)
	if err != nil || !bytes.Equal(answer[:n], reversed(query)) {
		t.Errorf("answer %q, %v", answer[:n], err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	r := &Resolver{File: "/nonexistent"}
	query := []byte{0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}
	answer := r.Exchange(t.Context(), "udp", query)
	if answer[0] != 0xab || answer[2]&0x80 == 0 || answer[3]&0x0f != 2 {
		t.Errorf("not SERVFAIL: %x", answer)
	}
}
