package build

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	keyring        = "/usr/share/keyrings/debian-archive-keyring.gpg"
	debianMirror   = "http://deb.debian.org/debian"
	securityMirror = "http://deb.debian.org/debian-security"
)

// aptSources returns mmdebstrap's source lines for a suite: the host's own
// Debian mirrors where it has some, else Debian's.
func aptSources(suite string) (lines []string, mirror string, err error) {
	if _, err := os.Stat(keyring); err != nil {
		return nil, "", fmt.Errorf("the signing keys of Debian are missing (%s); install them: sudo apt-get install -y debian-archive-keyring", keyring)
	}
	main, security := debianMirror, securityMirror
	for _, u := range hostMirrors("/etc/apt") {
		switch {
		case strings.HasSuffix(u.Path, "/debian"):
			main = u.String()
		case strings.HasSuffix(u.Path, "/debian-security"):
			security = u.String()
		}
	}
	line := func(uri, suite string) string {
		return fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, uri, suite)
	}
	return []string{line(main, suite), line(main, suite+"-updates"), line(security, suite+"-security")}, redact(main), nil
}

var mirrorURI = regexp.MustCompile(`(?m)^(?:URIs:|deb)[ \t].*?(https?://\S+)`)

// hostMirrors are the URIs in apt's configuration folder, the first of a kind last.
func hostMirrors(etcApt string) []*url.URL {
	files := []string{filepath.Join(etcApt, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(etcApt, "sources.list.d", pattern))
		if err == nil {
			files = append(files, more...)
		}
	}
	var out []*url.URL
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue // no such file: apt has the other form
		}
		for _, m := range mirrorURI.FindAllSubmatch(raw, -1) {
			if u, err := url.Parse(strings.TrimRight(string(m[1]), "/")); err == nil {
				out = append([]*url.URL{u}, out...)
			}
		}
	}
	return out
}

// redact removes credentials from a mirror's address.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// aptAcquire is the host's proxy, trust and validity settings as an apt.conf;
// mmdebstrap does not read the host's by itself.
func aptAcquire(ctx context.Context) []byte {
	out, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return nil // no settings of apt
	}
	var b strings.Builder
	for l := range strings.Lines(string(out)) {
		for _, keep := range []string{"Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv4"} {
			if strings.HasPrefix(l, keep) {
				b.WriteString(l)
			}
		}
	}
	return []byte(b.String())
}
