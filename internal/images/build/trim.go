package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

var zero time.Time

// droppedBelow: folders that stay, without what is in them.
var droppedBelow = []string{
	"boot/", "dev/", "proc/", "run/", "sys/", "tmp/", "var/log/", "var/tmp/",
	"var/cache/apt/", "var/cache/debconf/", "var/cache/ldconfig/", "var/lib/apt/lists/",
	"usr/share/info/", "usr/share/lintian/", "usr/share/locale/", "usr/share/man/", "usr/share/bug/",
	"usr/share/doc-base/", "usr/lib/python3.11/test/", "usr/lib/python3.11/idlelib/", "usr/lib/python3.11/turtledemo/",
}

// droppedFiles: the host's, the build's own, and the marker (PEP 668) with which
// Debian makes a plain `pip install` fail.
var droppedFiles = map[string]bool{
	"etc/hostname": true, "etc/resolv.conf": true, "etc/machine-id": true,
	"etc/apt/apt.conf.d/99mmdebstrap": true, "etc/dpkg/dpkg.cfg.d/99mmdebstrap": true,
	"usr/lib/python3.11/EXTERNALLY-MANAGED": true,
}

func dropped(p string) bool {
	for _, d := range droppedBelow {
		if strings.HasPrefix(p, d) {
			return true
		}
	}
	if strings.HasPrefix(p, "usr/share/doc/") {
		// A licence stays, with its folder.
		depth := strings.Count(p, "/") // of a package's own files: 4
		return depth > 4 || (depth == 4 && path.Base(p) != "copyright")
	}
	// passwd- and its like: copies that differ by build.
	return droppedFiles[p] || (strings.HasPrefix(p, "etc/") && strings.HasSuffix(p, "-")) ||
		(strings.HasPrefix(p, "var/lib/dpkg/") && strings.HasSuffix(p, "-old"))
}

// versions names the installed versions of the recipe's packages, from dpkg's status.
func (f *filter) versions() string {
	want := map[string]bool{}
	for _, p := range f.recipe.Packages {
		want[p] = true
	}
	var out []string
	var pkg string
	s := bufio.NewScanner(bytes.NewReader(f.status))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if v, ok := strings.CutPrefix(s.Text(), "Package: "); ok {
			pkg = v
		}
		if v, ok := strings.CutPrefix(s.Text(), "Version: "); ok && want[pkg] {
			out = append(out, pkg+" "+v)
		}
	}
	if len(out) == 0 {
		return strings.Join(f.recipe.Packages, ", ")
	}
	return strings.Join(out, ", ")
}

// busyboxKeeps: the program, its licence, and who its users are.
func busyboxKeeps(p string) bool {
	return strings.HasSuffix(p, "bin/busybox") || strings.HasSuffix(p, "busybox-static/copyright")
}

// applets are busybox's commands that images of its kind offer.
var applets = strings.Fields(`ash awk base64 basename cat chgrp chmod chown clear cmp cp cut date dd df diff dirname
	du echo ed egrep env expand expr false fgrep find fold free fuser getopt grep groups gunzip gzip head hexdump hostname id
	install ip kill killall less ln ls lzma md5sum mkdir mkfifo mknod mktemp more mount mv nc netstat nice nl nohup nproc
	nslookup od paste patch pgrep pidof ping pkill printenv printf ps pwd readlink realpath renice reset rev rm rmdir route
	sed seq setsid sh sha1sum sha256sum sha512sum sleep sort split stat strings stty su sync tail tar tee telnet test time
	timeout top touch tr traceroute true truncate tty umount uname uniq unlink unxz unzip uptime usleep vi watch wc wget which
	whoami xargs xxd xz yes zcat`)

// busyboxTree adds the links and the few files that a shell image needs.
func busyboxTree(tw *tar.Writer) error {
	for _, d := range []string{"etc/", "root/", "tmp/", "usr/", "usr/bin/", "var/"} {
		mode := int64(0o755)
		if d == "tmp/" {
			mode = 0o1777
		}
		if err := tw.WriteHeader(&tar.Header{Name: d, Typeflag: tar.TypeDir, Mode: mode, ModTime: Epoch}); err != nil {
			return err
		}
	}
	for _, a := range applets {
		h := &tar.Header{Name: "bin/" + a, Linkname: "busybox", Typeflag: tar.TypeSymlink, Mode: 0o777, ModTime: Epoch}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
	}
	for _, f := range [][2]string{
		{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"},
		{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	} {
		h := &tar.Header{Name: f[0], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[1])), ModTime: Epoch}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := fmt.Fprint(tw, f[1]); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
