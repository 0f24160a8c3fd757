package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// systemCgroup, below the instance's subtree in every hierarchy, holds PID 1 and the components; the kubelet makes kubepods beside it.
const systemCgroup = "system"

// hierarchy is one mounted cgroup file system.
type hierarchy struct {
	path    string
	unified bool
	cpuset  bool
}

// hierarchies reads the kernel's mount table: every v1 hierarchy, named ones
// included, and v2.
func hierarchies(mountinfo string) []hierarchy {
	var list []hierarchy
	seen := map[string]bool{}
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(kind) < 3 || seen[fields[4]] {
			continue
		}
		switch kind[0] {
		case "cgroup2":
			list = append(list, hierarchy{path: fields[4], unified: true})
		case "cgroup":
			list = append(list, hierarchy{path: fields[4], cpuset: strings.Contains(","+kind[2]+",", ",cpuset,")})
		default:
			continue
		}
		seen[fields[4]] = true
	}
	return list
}

func mounted() ([]hierarchy, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	list := hierarchies(string(data))
	if len(list) == 0 {
		return nil, errors.New("no cgroup file system is mounted")
	}
	return list, nil
}

// MakeCgroups makes the subtree and puts the process into it.
func MakeCgroups(instance string, pid int) error {
	list, err := mounted()
	if err != nil {
		return err
	}
	for _, h := range list {
		if err := h.make(instance, pid, len(list) == 1); err != nil {
			return fmt.Errorf("cgroup %s: %w", h.path, err)
		}
	}
	return nil
}

func (h hierarchy) make(instance string, pid int, alone bool) error {
	top := filepath.Join(h.path, Mark(instance))
	if h.unified && alone {
		if err := delegate(h.path); err != nil {
			return err
		}
	}
	for _, dir := range []string{top, filepath.Join(top, systemCgroup)} {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if h.cpuset {
			if err := errors.Join(inherit(dir, "cpuset.cpus"), inherit(dir, "cpuset.mems")); err != nil {
				return err
			}
		}
		if h.unified && alone && dir == top {
			if err := delegate(top); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(top, systemCgroup, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
}

// required controllers; what else a v2 cgroup has is handed on where that works.
var required = []string{"cpu", "memory", "pids"}

// delegate hands a v2 cgroup's controllers on to its children.
func delegate(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, c := range strings.Fields(string(data)) {
		e := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644)
		if slices.Contains(required, c) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// inherit fills a v1 cpuset file, empty in a new cgroup, from the parent's.
func inherit(dir, file string) error {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), data, 0o644)
}

// PodProcesses gives the first process of every container, as the host sees them.
func PodProcesses(instance string) ([]int, error) {
	list, err := mounted()
	if err != nil {
		return nil, err
	}
	// Beside v1 hierarchies a mounted v2 one is not the kubelet's.
	slices.SortStableFunc(list, func(a, b hierarchy) int {
		return strings.Compare(strconv.FormatBool(a.unified), strconv.FormatBool(b.unified))
	})
	var pids []int
	err = filepath.WalkDir(filepath.Join(list[0].path, Mark(instance), "kubepods"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return optional(err)
		}
		for _, pid := range procs(path) {
			if firstOfContainer(pid) {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}

// firstOfContainer says whether a process is PID 1 of a namespace inside ours.
func firstOfContainer(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			ids := strings.Fields(rest)
			return len(ids) > 2 && ids[len(ids)-1] == "1"
		}
	}
	return false
}

func procs(file string) []int {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var pids []int
	for _, f := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// removeCgroups ends what is left in the subtree and removes it. The kernel may
// take a moment to let go of ended processes.
func removeCgroups(instance string) error {
	list, err := mounted()
	if err != nil {
		return err
	}
	for range 100 {
		err = nil
		for _, h := range list {
			err = errors.Join(err, removeTree(filepath.Join(h.path, Mark(instance))))
		}
		if err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return optional(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeTree(filepath.Join(dir, e.Name())))
		}
	}
	for _, pid := range procs(filepath.Join(dir, "cgroup.procs")) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
	return errors.Join(err, optional(os.Remove(dir)))
}
