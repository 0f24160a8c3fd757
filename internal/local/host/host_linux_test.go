package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHierarchies(t *testing.T) {
	cases := map[string]struct {
		mountinfo string
		want      []hierarchy
	}{
		"version 2": {"29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n", []hierarchy{{path: "/sys/fs/cgroup", unified: true}}},
		"version 1 with named and joint hierarchies": {
			"30 25 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n" +
				"31 30 0:28 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd\n" +
				"32 30 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
				"33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
			[]hierarchy{{path: "/sys/fs/cgroup/systemd"}, {path: "/sys/fs/cgroup/cpuset", cpuset: true}, {path: "/sys/fs/cgroup/cpu,cpuacct"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, hierarchies(c.mountinfo), cmp.AllowUnexported(hierarchy{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRestrictiveIptables(t *testing.T) {
	cases := map[string]struct {
		rules string
		want  bool
	}{
		"nothing":        {"", false},
		"accepts":        {"-P FORWARD ACCEPT\n", false},
		"Docker":         {"-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n", true},
		"a rule":         {"-P FORWARD ACCEPT\n-A FORWARD -j REJECT\n", true},
		"only our rules": {"-P FORWARD ACCEPT\n-A FORWARD -i sw-a -m comment --comment slipway-a -j ACCEPT\n", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := restrictive(c.rules, "a"); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestForwardChains(t *testing.T) {
	chain := func(family, table, name, hook, policy string) nftObject {
		return nftObject{Chain: &nftChain{Family: family, Table: table, Name: name, Hook: hook, Type: "filter", Policy: policy}}
	}
	reject := nftObject{Rule: &nftRule{Family: "inet", Table: "firewalld", Chain: "filter_FORWARD", Expr: []byte(`[{"reject":{}}]`)}}
	got := forwardChains([]nftObject{
		chain("inet", "mine", "fwd", "forward", "drop"),
		chain("inet", "open", "fwd", "forward", "accept"),
		chain("inet", "firewalld", "filter_FORWARD", "forward", "accept"), reject,
		chain("inet", "mine", "in", "input", "drop"),
		chain("ip", "filter", "FORWARD", "forward", "drop"), // iptables' own
		chain("ip", "slipway-b", "forward", "forward", "drop"),
		chain("ip6", "mine", "fwd", "forward", "drop"),
	})
	var names []string
	for _, c := range got {
		names = append(names, c.Table+" "+c.Name)
	}
	if diff := cmp.Diff([]string{"mine fwd", "firewalld filter_FORWARD"}, names); diff != "" {
		t.Error(diff)
	}
}
