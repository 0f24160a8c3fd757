package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// programs that the components call, and the Debian packages that have them.
var programs = []struct{ name, debian string }{
	{"nft", "nftables"}, {"iptables", "iptables"}, {"ipset", "ipset"}, {"ip", "iproute2"}, {"mount", "mount"},
}

// Free space of the data folder's file system, in bytes: below the first nothing
// works, below the second a build of images may fail.
const (
	leastFree = 1 << 30
	wantFree  = 6 << 30
)

// Inspect tries everything that an instance needs. dataDir need not exist yet.
func Inspect(ctx context.Context, dataDir string) []Check {
	root := Check{Name: "root", OK: os.Geteuid() == 0, Fatal: true, Detail: "an instance makes namespaces, links and mounts", Remedy: "run with sudo; or " + ElsewhereHint}
	checks := []Check{root, checkPrograms(), checkCgroups(), checkDisk(dataDir), checkInotify()}
	if root.OK {
		checks = append(checks, checkNamespaces(ctx), checkOverlay(dataDir), checkNetwork(ctx))
	}
	for i, c := range checks {
		if c.OK {
			checks[i].Remedy = ""
		}
	}
	return checks
}

// Fatal gives the first check without which nothing works, as an error.
func Fatal(checks []Check) error {
	for _, c := range checks {
		if !c.OK && c.Fatal {
			return fmt.Errorf("%s: %s: %s", c.Name, c.Detail, c.Remedy)
		}
	}
	return nil
}

func checkPrograms() Check {
	var missing, packages []string
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err != nil {
			missing, packages = append(missing, p.name), append(packages, p.debian)
		}
	}
	c := Check{Name: "programs", OK: len(missing) == 0, Fatal: true, Detail: "found all"}
	if !c.OK {
		c.Detail = "missing: " + strings.Join(missing, ", ")
		c.Remedy = "install them, on Debian or Ubuntu: apt-get install -y " + strings.Join(packages, " ")
	}
	return c
}

func checkCgroups() Check {
	c := Check{Name: "cgroups", Fatal: true, Remedy: "mount the cgroup file systems (a container needs its own cgroup namespace and a writable /sys/fs/cgroup)"}
	list, err := mounted()
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	var kinds []string
	for _, h := range list {
		if unix.Access(h.path, unix.W_OK) != nil {
			c.Detail = h.path + " is not writable"
			return c
		}
		kinds = append(kinds, filepath.Base(h.path))
	}
	if len(list) == 1 && list[0].unified {
		return v2Controllers(c, list[0].path)
	}
	c.Detail = "version 1: " + strings.Join(kinds, " ")
	for _, want := range required {
		if !strings.Contains(c.Detail, want) {
			c.Detail = "no hierarchy has the controller " + want
			return c
		}
	}
	c.OK = true
	return c
}

func v2Controllers(c Check, path string) Check {
	data, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	has := " " + strings.TrimSpace(string(data)) + " "
	for _, want := range required {
		if !strings.Contains(has, " "+want+" ") {
			c.Detail = "the controller " + want + " is not available"
			return c
		}
	}
	c.OK, c.Detail = true, "version 2:"+has
	return c
}

func checkDisk(dataDir string) Check {
	c := Check{Name: "disk", Remedy: "free some space, or choose another folder with --data-dir"}
	free, total, err := Space(dataDir)
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	c.Detail = fmt.Sprintf("%.1f of %.1f GiB free at %s", float64(free)/(1<<30), float64(total)/(1<<30), dataDir)
	c.OK, c.Fatal = free > wantFree, free < leastFree
	return c
}

// Space gives the free and total bytes of the file system that holds dir, or will.
func Space(dir string) (free, total uint64, err error) {
	for {
		var s syscall.Statfs_t
		err := syscall.Statfs(dir, &s)
		if err == nil {
			return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
		}
		if !errors.Is(err, syscall.ENOENT) || dir == filepath.Dir(dir) {
			return 0, 0, fmt.Errorf("%s: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
}

// checkInotify: the components of one instance take some 40 inotify instances;
// 128 is many distributions' limit, and editors want some, too.
func checkInotify() Check {
	c := Check{Name: "inotify", OK: true}
	data, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		c.Detail = "no limit found"
		return c
	}
	var limit int
	_, err = fmt.Sscan(string(data), &limit)
	c.Detail = fmt.Sprintf("%d instances per user", limit)
	c.OK = err == nil && limit >= 128
	c.Remedy = "sysctl -w fs.inotify.max_user_instances=512"
	return c
}

func checkNamespaces(ctx context.Context) Check {
	c := Check{Name: "namespaces", Fatal: true, Detail: "PID, mount, network, UTS and IPC", Remedy: "the kernel or the container around us forbids them; in a container, run it privileged; or " + ElsewhereHint}
	cmd := exec.CommandContext(ctx, "true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	if err := cmd.Run(); err != nil {
		c.Detail = err.Error()
		return c
	}
	c.OK = true
	return c
}

// onOwnThread runs f on a thread that has namespaces of its own and ends with it.
func onOwnThread(flags int, f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(flags); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

// checkOverlay mounts an overlay where containerd will.
func checkOverlay(dataDir string) Check {
	c := Check{Name: "overlayfs", Fatal: true, Detail: "works", Remedy: "choose a folder on ext4 or xfs with --data-dir, or load the kernel module: modprobe overlay"}
	parent := dataDir
	for {
		if _, err := os.Stat(parent); err == nil || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	dir, err := os.MkdirTemp(parent, ".slipway-overlay-*")
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = onOwnThread(unix.CLONE_NEWNS, func() error {
		for _, name := range []string{"lower", "upper", "work", "merged"} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
		if err := unix.Mount("overlay", filepath.Join(dir, "merged"), "overlay", 0, options); err != nil {
			return fmt.Errorf("overlay on %s: %w", parent, err)
		}
		return unix.Unmount(filepath.Join(dir, "merged"), 0)
	})
	if err != nil {
		c.Detail = err.Error()
	}
	c.OK = err == nil
	return c
}

// checkNetwork makes in a namespace of its own what an instance will.
func checkNetwork(ctx context.Context) Check {
	c := Check{Name: "network", Fatal: true, Detail: "bridge, veth and nftables work", Remedy: "the kernel lacks it: modprobe bridge veth nf_tables nft_masq nft_ct br_netfilter ip_set"}
	err := onOwnThread(unix.CLONE_NEWNET, func() error {
		for _, link := range []netlink.Link{
			&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "b"}}, &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "v"}, PeerName: "w"},
		} {
			if err := netlink.LinkAdd(link); err != nil {
				return fmt.Errorf("make a %s: %w", link.Type(), err)
			}
		}
		_, err := output(ctx, fmt.Sprintf(table, "probe", "10.0.0.0/8", "v"), "nft", "-f", "-")
		return err
	})
	if err != nil {
		c.Detail = err.Error()
	}
	c.OK = err == nil
	return c
}

// CheckPort says by name who may not listen where.
func CheckPort(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %s is in use: end what uses it, or choose another with --console HOST:PORT", address)
		}
		return fmt.Errorf("console %s: %w", address, err)
	}
	return l.Close()
}
