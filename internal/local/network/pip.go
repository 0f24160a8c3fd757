package network

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pip reads the index settings as pip itself does: variables before the user's
// file before the host's. What the config names already wins over all.
func (d *detection) pip() {
	files := d.pipFiles()
	get := func(option string) string {
		variable := "PIP_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
		return cmp.Or(d.host.Getenv(variable), files[option])
	}
	p := &d.found.Network.Pip
	p.IndexURL = d.index("pip's index-url", cmp.Or(p.IndexURL, get("index-url")))
	extra := p.ExtraIndexURLs
	if extra == nil {
		extra = strings.Fields(get("extra-index-url"))
	}
	p.ExtraIndexURLs = nil
	for _, address := range extra {
		if address = d.index("pip's extra-index-url", address); address != "" {
			p.ExtraIndexURLs = append(p.ExtraIndexURLs, address)
		}
	}
	for _, host := range strings.Fields(get("trusted-host")) {
		if !loopback(host) && !slices.Contains(p.TrustedHosts, host) {
			p.TrustedHosts = append(p.TrustedHosts, host)
		}
	}
	if seconds, err := strconv.Atoi(cmp.Or(get("timeout"), get("default-timeout"))); err == nil && p.Timeout == 0 {
		p.Timeout = seconds
	}
	for _, option := range []string{"find-links", "no-index"} {
		if v := get(option); v != "" && !slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(v)) {
			d.warn("pip's %s (%s) holds only on this host: left out", option, v)
		}
	}
}

// index relays one on the host's loopback, which pip must then trust without TLS.
func (d *detection) index(what, address string) string {
	result := d.reachable(what, address)
	if result == address || result == "" {
		return result
	}
	if u, err := url.Parse(result); err == nil && !slices.Contains(d.found.Network.Pip.TrustedHosts, u.Hostname()) {
		d.found.Network.Pip.TrustedHosts = append(d.found.Network.Pip.TrustedHosts, u.Hostname())
	}
	return result
}

// pipFiles merges the [global] and [install] sections of pip's files, later ones
// winning. https://pip.pypa.io/en/stable/topics/configuration/
func (d *detection) pipFiles() map[string]string {
	options := map[string]string{}
	files := []string{"/etc/pip.conf", "/etc/xdg/pip/pip.conf"}
	if d.host.Home != "" {
		files = append(files, path.Join(d.host.Home, ".pip/pip.conf"), path.Join(d.host.Home, ".config/pip/pip.conf"))
	}
	if named := d.host.Getenv("PIP_CONFIG_FILE"); named != "" {
		files = append(files, named)
	}
	for _, file := range files {
		section, option := "", ""
		d.eachLine(file, func(line string) {
			switch {
			case line == "" || line[0] == '#' || line[0] == ';':
			case line[0] == '[':
				section, option = strings.Trim(line, "[]"), ""
			case section != "global" && section != "install":
			case strings.Contains(line, "=") && !strings.Contains(line[:strings.Index(line, "=")], "://"):
				key, value, _ := strings.Cut(line, "=")
				option = strings.ReplaceAll(strings.TrimSpace(key), "_", "-")
				options[option] = strings.TrimSpace(value)
			case option != "": // a value's further line
				options[option] += " " + line
			}
		})
	}
	return options
}
