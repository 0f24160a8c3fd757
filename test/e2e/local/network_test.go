//go:build e2e

package local_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local"
	"github.com/slipway-ml/slipway/internal/local/host"
)

// hostile is a host of its own in a network namespace: Docker's FORWARD DROP, a
// firewall that drops what comes in and passes through, a resolver and a proxy on
// the loopback alone; and beyond it, the outside.
const hostile = `set -e
ip netns add t-host; ip netns add t-out
ip link add t-host0 netns t-host type veth peer name t-out0 netns t-out
for n in t-host t-out; do ip -n $n link set lo up; ip -n $n link set ${n}0 up; done
ip -n t-host addr add 198.51.100.1/24 dev t-host0
ip -n t-out addr add 198.51.100.2/24 dev t-out0
ip -n t-host route add default via 198.51.100.2
ip netns exec t-host iptables -P FORWARD DROP
ip netns exec t-host iptables -A FORWARD -i docker0 -j ACCEPT
ip netns exec t-host nft -f - <<X
table inet fire {
  chain through {
    type filter hook forward priority 10; policy drop;
    ct state established accept
  }
  chain inside {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
  }
}
X
`

// netns gives a network namespace by name; a sleeping process holds it.
func netns(t *testing.T, name string) *host.Netns {
	t.Helper()
	holder := exec.Command("nsenter", "--net=/run/netns/"+name, "sleep", "3600")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	time.Sleep(100 * time.Millisecond) // until it is in
	ns, err := host.OpenNetns(holder.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

func serve(t *testing.T, ns *host.Netns, address, says string) {
	t.Helper()
	l, err := ns.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "%s %s", says, r.URL) }))
	}()
}

// stub is a resolver that knows one address for every name.
func stub(t *testing.T, ns *host.Netns, address string, answer [4]byte) {
	t.Helper()
	conn, err := ns.ListenPacket(t.Context(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: answer}}}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
}

// inside runs a command on the hostile host.
func inside(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "nsenter", "--net=/run/netns/t-host", "unshare", "-m", "sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

func TestBesideFirewallsStubAndProxy(t *testing.T) {
	i := newInstance(t, "t-fire", 18188)
	clean := func() {
		for _, ns := range []string{"t-host", "t-out"} {
			_ = exec.Command("ip", "netns", "del", ns).Run() // there is none at first
		}
	}
	clean()
	t.Cleanup(clean)
	if out, err := exec.Command("bash", "-c", hostile).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	here, outside := netns(t, "t-host"), netns(t, "t-out")
	stub(t, here, "127.0.0.53:53", [4]byte{198, 51, 100, 2})
	serve(t, here, "127.0.0.1:3128", "proxied")
	serve(t, outside, "198.51.100.2:80", "outside")
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	rules := func() string {
		return inside(t, "iptables -S FORWARD; nft list table inet fire")
	}
	before := rules()
	up := fmt.Sprintf("mount --make-rprivate /; mount --bind %s $(readlink -f /etc/resolv.conf); http_proxy=http://127.0.0.1:3128 exec %s up --name %s --data-dir %s --console %s", resolv, program(t), i.name, i.data, i.console)
	if said := inside(t, up); !strings.Contains(said, "127.0.0.1:3128, on this host's loopback, is relayed") {
		t.Errorf("up says no word about the relay:\n%s", said)
	}
	i.await("provided with python", 10*time.Minute, func(s local.Status) bool {
		for _, image := range s.Images {
			if image.Image == images.Python {
				return image.Phase == images.Ready
			}
		}
		return false
	})
	proxy := i.status().Network.Outside.HTTPProxy
	script := fmt.Sprintf(`import urllib.request as u
print(u.build_opener(u.ProxyHandler({})).open("http://any.example.net/a", timeout=10).read().decode())
print(u.build_opener(u.ProxyHandler({"http": %q})).open("http://other.example.net/b", timeout=10).read().decode())`, proxy)
	kubectl := fmt.Sprintf("%s kubectl --name %s ", program(t), i.name)
	inside(t, kubectl+"run -n admin box --image=python:3.11 --command -- sleep 1000; "+kubectl+"wait -n admin --for=condition=Ready pod/box --timeout=90s")
	got := inside(t, kubectl+"exec -n admin box -- python3 -c '"+strings.ReplaceAll(script, "\n", ";")+"'")
	if got != "outside /a\nproxied http://other.example.net/b\n" {
		t.Errorf("from a pod: %q", got)
	}
	if h, _, err := net.SplitHostPort(strings.TrimPrefix(proxy, "http://")); err != nil || net.ParseIP(h).IsLoopback() {
		t.Errorf("the proxy in effect is %q", proxy)
	}
	inside(t, fmt.Sprintf("%s down --name %s", program(t), i.name))
	if after := rules(); after != before {
		t.Errorf("the firewall was\n%s\nand is\n%s", before, after)
	}
}
