//go:build e2e

// Package local_test runs `slipway up` and its companions for real: instances of
// their own, killed in every way, and what they leave on the host.
package local_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/images"
	"github.com/slipway-ml/slipway/internal/local"
	"github.com/slipway-ml/slipway/internal/local/children"
)

// instance is one that a test owns.
type instance struct {
	t                   *testing.T
	name, data, console string
}

// program is the slipway under test.
func program(t *testing.T) string {
	t.Helper()
	if p := os.Getenv("SLIPWAY_PROGRAM"); p != "" {
		return p
	}
	p, err := filepath.Abs("../../../bin/slipway")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newInstance(t *testing.T, name string, port int) *instance {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("an instance needs root")
	}
	i := &instance{t: t, name: name, data: filepath.Join("/var/lib/slipway", name), console: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	i.must("down", "--purge")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(i.data, "logs", "supervisor.log"))
			t.Logf("supervisor of %s:\n%s", name, log[max(0, len(log)-4000):])
		}
		i.must("down", "--purge")
	})
	return i
}

// run runs a verb and gives what it said.
func (i *instance) run(verb string, args ...string) (string, error) {
	all := append([]string{verb, "--name", i.name, "--data-dir", i.data}, args...)
	if verb == "up" {
		all = append(all, "--console", i.console)
	}
	out, err := exec.CommandContext(i.t.Context(), program(i.t), all...).CombinedOutput()
	return string(out), err
}

func (i *instance) must(verb string, args ...string) string {
	i.t.Helper()
	all := append([]string{verb, "--name", i.name, "--data-dir", i.data}, args...)
	if verb == "up" {
		all = append(all, "--console", i.console)
	}
	out, err := exec.Command(program(i.t), all...).CombinedOutput() // also in Cleanup, where the test's context has ended
	if err != nil {
		i.t.Fatalf("slipway %s: %v\n%s", strings.Join(all, " "), err, out)
	}
	return string(out)
}

func (i *instance) kubectl(input string, args ...string) string {
	i.t.Helper()
	cmd := exec.CommandContext(i.t.Context(), program(i.t), append([]string{"kubectl", "--name", i.name}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (i *instance) status() local.Status {
	i.t.Helper()
	out, err := i.run("status", "-o", "json")
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 3) {
		i.t.Fatalf("status: %v\n%s", err, out)
	}
	var s local.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		i.t.Fatalf("status: %v\n%s", err, out)
	}
	return s
}

// await waits for a state that satisfies ok.
func (i *instance) await(what string, within time.Duration, ok func(local.Status) bool) {
	i.t.Helper()
	deadline := time.Now().Add(within)
	for {
		s := i.status()
		if ok(s) {
			return
		}
		if time.Now().After(deadline) {
			i.t.Fatalf("not %s after %s: %s, pending %+v", what, within, s.State, s.Pending())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func ready(s local.Status) bool { return s.State == local.StateReady }

// processes of the instance, by the name they were called by.
func (i *instance) processes() map[string]int {
	i.t.Helper()
	found := map[string]int{}
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		i.t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(data, []byte("/slipway-"+i.name+"/")) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		if err != nil || len(line) == 0 { // ended, not yet reaped
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			i.t.Fatal(err)
		}
		arg0, _, _ := strings.Cut(string(line), "\x00")
		found[filepath.Base(arg0)] = pid
	}
	return found
}

// traces are what the host shows of the instance, other than its data folder.
func (i *instance) traces() []string {
	i.t.Helper()
	var traces []string
	for _, command := range [][]string{{"ip", "-o", "link"}, {"ip", "route"}, {"nft", "list", "ruleset"}, {"iptables-save"}, {"mount"}, {"find", "/sys/fs/cgroup", "-type", "d"}, {"find", "/run/slipway"}, {"ps", "axo", "args"}} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil && command[0] != "find" && command[0] != "iptables-save" {
			i.t.Fatalf("%v: %v", command, err)
		}
		for line := range strings.Lines(string(out)) {
			if (strings.Contains(line, "slipway-"+i.name) || strings.Contains(line, "sw-"+i.name) || strings.Contains(line, "/slipway/"+i.name)) && !strings.Contains(line, "--name") {
				traces = append(traces, command[0]+": "+strings.TrimSpace(line))
			}
		}
	}
	return traces
}

func (i *instance) noTraces() {
	i.t.Helper()
	if diff := cmp.Diff([]string(nil), i.traces()); diff != "" {
		i.t.Error("left on the host:", diff)
	}
}

func forwarding(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func alone() bool {
	entries, err := os.ReadDir("/run/slipway")
	return err != nil || len(entries) == 0
}

func TestUpStatusDownThreeTimes(t *testing.T) {
	i := newInstance(t, "t-thrice", 18181)
	wasAlone, before := alone(), forwarding(t)
	for n := range 3 {
		began := time.Now()
		i.must("up")
		t.Logf("up %d: %.1f s", n+1, time.Since(began).Seconds())
		if s := i.status(); s.State != local.StateReady {
			t.Fatalf("state %s", s.State)
		}
		if n == 0 {
			i.kubectl("", "create", "configmap", "kept", "--from-literal=a=b")
		}
		if got := i.kubectl("", "get", "configmap", "kept", "-o", "jsonpath={.data.a}"); got != "b" {
			t.Errorf("data after start %d: %q", n+1, got)
		}
		began = time.Now()
		i.must("down")
		t.Logf("down %d: %.1f s", n+1, time.Since(began).Seconds())
		i.noTraces()
		if s := i.status(); s.State != local.StateStopped {
			t.Errorf("state after down: %s", s.State)
		}
	}
	if wasAlone && alone() {
		if after := forwarding(t); after != before {
			t.Errorf("net.ipv4.ip_forward was %q, is %q", before, after)
		}
	}
}

// children are called by these names.
var processNames = map[string]string{
	"etcd": "etcd", "containerd": "containerd", "s3": "versitygw", "registry": "registry", "kube-apiserver": "kube-apiserver",
	"kube-controller-manager": "kube-controller-manager", "kube-scheduler": "kube-scheduler", "kubelet": "kubelet", "kube-proxy": "kube-proxy",
	"coredns": "coredns", "netpol": "netpol", "volumes": "volumes", "server": "slipway",
}

func TestKilledInEveryWay(t *testing.T) {
	i := newInstance(t, "t-killed", 18182)
	i.must("up")
	i.kubectl("", "create", "configmap", "kept", "--from-literal=a=b")
	for component, process := range processNames {
		pid := i.processes()[process]
		if pid == 0 {
			t.Errorf("%s does not run as %s: %v", component, process, i.processes())
			continue
		}
		restarts := func(s local.Status) int {
			for _, c := range s.Components {
				if c.Name == component {
					return c.Restarts
				}
			}
			return -1
		}
		before := restarts(i.status())
		kill(t, pid)
		i.await(component+" running again", 40*time.Second, func(s local.Status) bool { return restarts(s) > before && ready(s) })
	}

	first := i.processes()["slipway-init"]
	kill(t, first)
	i.await("made anew after the end of PID 1", time.Minute, func(s local.Status) bool {
		now := i.processes()["slipway-init"]
		return ready(s) && now != first && now != 0
	})

	kill(t, i.status().PID)
	time.Sleep(time.Second)
	if left := i.processes(); len(left) > 0 {
		t.Errorf("running one second after the supervisor's end: %v", left)
	}
	i.must("up")
	if got := i.kubectl("", "get", "configmap", "kept", "-o", "jsonpath={.data.a}"); got != "b" {
		t.Errorf("data: %q", got)
	}
	kill(t, i.status().PID)
	i.must("down")
	i.noTraces()
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
}

func TestTwoInstances(t *testing.T) {
	a, b := newInstance(t, "t-left", 18183), newInstance(t, "t-right", 18184)
	a.must("up")
	b.must("up")
	if sa, sb := a.status(), b.status(); !ready(sa) || !ready(sb) || sa.Network.Pods == sb.Network.Pods {
		t.Errorf("%s %v, %s %v", sa.State, sa.Network, sb.State, sb.Network)
	}
	a.must("down")
	a.noTraces()
	if s := b.status(); !ready(s) {
		t.Errorf("the other one: %s", s.State)
	}
	b.kubectl("", "get", "nodes")
	b.must("down")
	b.noTraces()
}

func TestWhatStopsUp(t *testing.T) {
	i := newInstance(t, "t-bad", 18185)
	refuse := func(t *testing.T, want string) {
		t.Helper()
		out, err := i.run("up")
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("up: %v, want %q in\n%s", err, want, out)
		}
		i.noTraces()
	}
	t.Run("a port in use", func(t *testing.T) {
		l, err := net.Listen("tcp", i.console)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		refuse(t, "port "+i.console+" is in use")
	})
	for name, c := range map[string]struct{ file, text, want string }{
		"a newer data folder":       {"VERSION", `{"format":99}`, "format 99"},
		"a newer Kubernetes":        {"VERSION", `{"format":1,"kubernetes":"v1.99.0"}`, "cannot go back"},
		"a corrupted version":       {"VERSION", "garbage", "VERSION"},
		"a corrupted authority":     {"pki/ca.crt", "garbage", "pki/ca.crt"},
		"corrupted addresses":       {"network.json", "garbage", "network.json"},
		"corrupted keys of the S3":  {"server/s3.json", "garbage", "server/s3.json"},
		"a corrupted signing key":   {"pki/service-accounts.key", "garbage", "service-accounts.key"},
		"an etcd that cannot start": {"etcd/member/snap/db", strings.Repeat("garbage ", 8192), "etcd does not start"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(i.data, c.file)
			old, readErr := os.ReadFile(file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			refuse(t, c.want)
			if readErr == nil {
				if err := os.WriteFile(file, old, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if err := os.RemoveAll(filepath.Join(i.data, strings.Split(c.file, "/")[0])); err != nil {
				t.Fatal(err)
			}
		})
	}
}

const workload = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: admin}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: box, namespace: admin, labels: {app: box}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: python:3.11
    command: [python3, -m, http.server, "8000", -d, /data]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Service
metadata: {name: box, namespace: admin}
spec: {selector: {app: box}, ports: [{port: 80, targetPort: 8000}]}
`

const fetch = `import urllib.request; print(urllib.request.urlopen("http://box.admin.svc.cluster.local/x", timeout=10).read().decode(), end="")`

func TestPodsServicesAndVolumes(t *testing.T) {
	i := newInstance(t, "t-pods", 18186)
	i.must("up")
	i.await("provided with python", 10*time.Minute, func(s local.Status) bool {
		for _, image := range s.Images {
			if image.Image == images.Python {
				return image.Phase == images.Ready
			}
		}
		return false
	})
	i.kubectl(workload, "apply", "-f", "-")
	i.kubectl("", "wait", "-n", "admin", "--for=condition=Ready", "pod/box", "--timeout=90s")
	i.kubectl("", "exec", "-n", "admin", "box", "--", "sh", "-c", "printf kept > /data/x")
	if got := i.kubectl("", "exec", "-n", "admin", "box", "--", "python3", "-c", fetch); got != "kept" {
		t.Errorf("by the Service's name: %q", got)
	}
	if got := i.kubectl("", "logs", "-n", "admin", "box"); !strings.Contains(got, "GET /x") {
		t.Errorf("log: %q", got)
	}
	i.must("down")
	i.noTraces()
	i.must("up")
	i.kubectl("", "delete", "pod", "-n", "admin", "box", "--ignore-not-found")
	i.kubectl(workload, "apply", "-f", "-")
	i.kubectl("", "wait", "-n", "admin", "--for=condition=Ready", "pod/box", "--timeout=90s")
	if got := i.kubectl("", "exec", "-n", "admin", "box", "--", "cat", "/data/x"); got != "kept" {
		t.Errorf("the volume after down and up: %q", got)
	}
}

func TestEveryComponentIsNamed(t *testing.T) {
	i := newInstance(t, "t-named", 18187)
	i.must("up")
	var names []string
	for _, c := range i.status().Components {
		if c.State != children.Ready && c.State != children.Done {
			t.Errorf("%s is %s", c.Name, c.State)
		}
		names = append(names, c.Name)
	}
	logs := i.must("logs")
	for process := range processNames {
		if !strings.Contains(fmt.Sprint(names), process) || !strings.Contains(logs, process) {
			t.Errorf("%s is missing in status %v or logs %q", process, names, logs)
		}
	}
}
