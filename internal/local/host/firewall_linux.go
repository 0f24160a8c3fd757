package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
)

// table hides the pods behind the host's addresses, and lets nobody in from the
// outside: the host forwards packets while an instance runs.
const table = `table ip %[1]s {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr %[2]s oifname != "%[3]s" masquerade
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname "%[3]s" ct state new drop
	}
}
`

// Masquerade makes the table.
func Masquerade(ctx context.Context, instance string, pods netip.Prefix) error {
	rules := fmt.Sprintf(table, Mark(instance), pods, LinkName(instance))
	_, err := output(ctx, rules, "nft", "-f", "-")
	return err
}

// output runs a program of the host; its error carries what the program said.
func output(ctx context.Context, input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

// Admit adds accept rules for the veth to every chain of a host firewall (Docker's
// FORWARD DROP, ufw, firewalld, hand-made tables) that would drop what the
// instance's pods send to the outside, or the answers. In nftables a packet must
// be accepted by each table; an accept in our own is not enough.
func Admit(ctx context.Context, instance string) error {
	if err := admitIptables(ctx, instance); err != nil {
		return err
	}
	chains, err := foreignChains(ctx)
	if err != nil {
		return err
	}
	for _, c := range chains {
		for _, match := range [][]string{
			{"iifname", LinkName(instance)},
			{"oifname", LinkName(instance), "ct", "state", "established,related"},
		} {
			args := slices.Concat([]string{"insert", "rule", c.Family, c.Table, c.Name}, match, []string{"accept", "comment", `"` + Mark(instance) + `"`})
			if _, err := output(ctx, "", "nft", args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// iptablesRules are what Admit inserts into iptables' FORWARD chain.
func iptablesRules(instance string) [][]string {
	comment := []string{"-m", "comment", "--comment", Mark(instance), "-j", "ACCEPT"}
	return [][]string{
		slices.Concat([]string{"FORWARD", "-i", LinkName(instance)}, comment),
		slices.Concat([]string{"FORWARD", "-o", LinkName(instance), "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"}, comment),
	}
}

// iptables lists the FORWARD chain; "" when nobody has made it: asking iptables
// itself would make it.
func iptablesForward(ctx context.Context) (string, error) {
	if _, err := output(ctx, "", "nft", "list", "chain", "ip", "filter", "FORWARD"); err != nil && !legacyIptables() {
		return "", nil //nolint:nilerr // no such chain
	}
	return output(ctx, "", "iptables", "-w", "-S", "FORWARD")
}

// restrictive says whether a chain does more than accept everything.
func restrictive(rules, instance string) bool {
	for line := range strings.Lines(rules) {
		line = strings.TrimSpace(line)
		if line == "" || line == "-P FORWARD ACCEPT" || strings.Contains(line, Mark(instance)) {
			continue
		}
		return true
	}
	return false
}

func admitIptables(ctx context.Context, instance string) error {
	rules, err := iptablesForward(ctx)
	if err != nil || !restrictive(rules, instance) {
		return err
	}
	for _, r := range iptablesRules(instance) {
		if _, err := output(ctx, "", "iptables", append([]string{"-w", "-I"}, r...)...); err != nil {
			return err
		}
	}
	return nil
}

// dismiss takes away what Admit added.
func dismiss(ctx context.Context, instance string) error {
	rules, err := iptablesForward(ctx)
	if err != nil {
		return err
	}
	if strings.Contains(rules, Mark(instance)) {
		for _, r := range iptablesRules(instance) {
			for err == nil {
				_, err = output(ctx, "", "iptables", append([]string{"-w", "-D"}, r...)...)
			}
			err = nil // the last deletion fails: nothing left
		}
	}
	return dismissNft(ctx, instance)
}

// nftObject is what we read of `nft -j`.
type nftObject struct {
	Chain *nftChain `json:"chain"`
	Rule  *nftRule  `json:"rule"`
}

type nftChain struct {
	Family, Table, Name, Hook, Type, Policy string
}

type nftRule struct {
	Family, Table, Chain, Comment string
	Handle                        int
	Expr                          json.RawMessage
}

func nftRuleset(ctx context.Context) ([]nftObject, error) {
	text, err := output(ctx, "", "nft", "-j", "list", "ruleset")
	if err != nil {
		return nil, err
	}
	var all struct{ Nftables []nftObject }
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("nft -j list ruleset: %w", err)
	}
	return all.Nftables, nil
}

func foreignChains(ctx context.Context) ([]nftChain, error) {
	objects, err := nftRuleset(ctx)
	return forwardChains(objects), err
}

// forwardChains picks the base chains that can drop forwarded packets and are
// neither ours nor iptables'.
func forwardChains(objects []nftObject) []nftChain {
	var chains []nftChain
	for _, o := range objects {
		c := o.Chain
		if c == nil || c.Hook != "forward" || c.Type != "filter" || (c.Table == DefaultInstance || strings.HasPrefix(c.Table, DefaultInstance+"-")) {
			continue
		}
		if c.Family != "inet" && c.Family != "ip" || c.Family == "ip" && c.Table == "filter" && c.Name == "FORWARD" {
			continue
		}
		drops := c.Policy == "drop" || slices.ContainsFunc(objects, func(o nftObject) bool {
			return o.Rule != nil && o.Rule.Family == c.Family && o.Rule.Table == c.Table && o.Rule.Chain == c.Name &&
				(bytes.Contains(o.Rule.Expr, []byte(`"drop"`)) || bytes.Contains(o.Rule.Expr, []byte(`"reject"`)) || bytes.Contains(o.Rule.Expr, []byte(`"jump"`)))
		})
		if drops {
			chains = append(chains, *c)
		}
	}
	return chains
}

func dismissNft(ctx context.Context, instance string) error {
	objects, err := nftRuleset(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		r := o.Rule
		if r == nil || r.Comment != Mark(instance) || r.Family == "ip" && r.Table == "filter" {
			continue
		}
		_, e := output(ctx, "", "nft", "delete", "rule", r.Family, r.Table, r.Chain, "handle", fmt.Sprint(r.Handle))
		err = errors.Join(err, e)
	}
	for _, o := range objects {
		if o.Chain != nil && o.Chain.Table == Mark(instance) && o.Chain.Family == "ip" {
			_, e := output(ctx, "", "nft", "delete", "table", "ip", Mark(instance))
			return errors.Join(err, e)
		}
	}
	return err
}
