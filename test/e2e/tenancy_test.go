//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const podTimeout = 2 * time.Minute

// podEnd waits for a pod's end and returns its phase.
func podEnd(t *testing.T, namespace, name string, timeout time.Duration) string {
	t.Helper()
	var phase string
	eventually(t, timeout, func() error {
		out, err := tryKubectl(t, "", "get", "pod", "-n", namespace, name, "-o", "jsonpath={.status.phase}")
		if err != nil {
			return err
		}
		if phase = out; phase != "Succeeded" && phase != "Failed" {
			return fmt.Errorf("pod %s/%s is %s:\n%s", namespace, name, phase, kubectl(t, "describe", "pod", "-n", namespace, name))
		}
		return nil
	})
	return phase
}

// shell runs a script in a pod of a profile and returns its phase and log.
func shell(t *testing.T, namespace, name, script string) (phase, log string) {
	t.Helper()
	apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s}
spec:
  restartPolicy: Never
  serviceAccountName: default-editor
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: python:3.11
      command: [python3, -c, %q]
      envFrom: [{secretRef: {name: mlpipeline-minio-artifact}}]
`, name, namespace, script))
	phase = podEnd(t, namespace, name, podTimeout)
	return phase, kubectl(t, "logs", "-n", namespace, name)
}

// profile makes a profile and waits for its key.
func profile(t *testing.T, name string) {
	t.Helper()
	slipway(t, "profile", "create", name)
	eventually(t, time.Minute, func() error {
		_, err := tryKubectl(t, "", "get", "secret", "-n", name, "mlpipeline-minio-artifact")
		return err
	})
}

// A pod of one profile reaches neither the pods nor the bucket of another.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	profile(t, "team-a")
	profile(t, "team-b")
	apply(t, `
apiVersion: v1
kind: Pod
metadata: {name: listener, namespace: team-a}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: python:3.11
      command: [python3, -m, http.server, "8000"]
      readinessProbe: {httpGet: {path: /, port: 8000}, periodSeconds: 1}
`)
	kubectl(t, "wait", "-n", "team-a", "--for=condition=Ready", "pod/listener", "--timeout=120s")
	address := strings.TrimSpace(kubectl(t, "get", "pod", "-n", "team-a", "listener", "-o", "jsonpath={.status.podIP}"))
	connect := fmt.Sprintf(connectScript, address)

	if phase, log := shell(t, "team-a", "friend", connect); phase != "Succeeded" {
		t.Errorf("a pod of the same profile does not reach the listener: %s", log)
	}
	if phase, log := shell(t, "team-b", "stranger", connect); phase == "Succeeded" {
		t.Errorf("a pod of another profile reaches the listener: %s", log)
	}
	if phase, log := shell(t, "team-b", "anonymous", unauthenticated); phase != "Succeeded" {
		t.Errorf("the server answers a pod without a token: %s", log)
	}
}

// connectScript tries for 15 seconds: policies learn of a new pod shortly after it has started.
const connectScript = `
import socket, time
for _ in range(30):
    try:
        socket.create_connection((%q, 8000), timeout=5)
        break
    except OSError as e:
        print(e, flush=True)
        time.sleep(0.5)
else:
    raise SystemExit("never reached")
`

const unauthenticated = `
import urllib.request, urllib.error
for path in ("/apis/v2beta1/runs", "/apis/v2beta1/experiments?namespace=team-a", "/apis/slipway.dev/v1/data"):
    request = urllib.request.Request("http://ml-pipeline.kubeflow:8888" + path, headers={"kubeflow-userid": "admin@slipway.local", "X-Remote-User": "admin@slipway.local", "Impersonate-User": "admin@slipway.local"})
    try:
        urllib.request.urlopen(request, timeout=10)
        raise SystemExit(path + " was answered")
    except urllib.error.HTTPError as e:
        assert e.code == 401, (path, e.code)
`

// A key opens its own bucket alone.
func TestBucketsAreApart(t *testing.T) {
	t.Parallel()
	profile(t, "bucket-a")
	profile(t, "bucket-b")
	if phase, log := shell(t, "bucket-b", "thief", s3Script); phase != "Succeeded" {
		t.Errorf("%s", log)
	}
}

// s3Script signs S3 requests by hand: the image has no S3 client.
const s3Script = `
import datetime, hashlib, hmac, os, urllib.request, urllib.error

def call(method, path, body=b""):
    host = "minio-service.kubeflow:9000"
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{stamp}\n\nhost;x-amz-content-sha256;x-amz-date\n{digest}"
    scope = f"{day}/us-east-1/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + os.environ["secretkey"].encode()
    for part in (day, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"http://{host}{path}", data=body or None, method=method, headers={
        "x-amz-date": stamp, "x-amz-content-sha256": digest,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={os.environ['accesskey']}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}",
    })
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as e:
        return e.code

assert call("PUT", "/bucket-b/mine", b"x") == 200, "the own bucket is closed"
assert call("GET", "/bucket-b/mine") == 200
for method, path, body in (("GET", "/bucket-a", b""), ("GET", "/bucket-a/x", b""), ("PUT", "/bucket-a/x", b"x"), ("GET", "/bucket-b/../bucket-a", b"")):
    status = call(method, path, body)
    assert status in (400, 403, 404), (method, path, status)
assert call("PUT", "/bucket-a/x", b"x") == 403
`

// Nobody without a token gets past the console either.
func TestConsoleWantsToken(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/apis/v2beta1/runs", "/apis/v2beta1/pipelines", "/apis/slipway.dev/v1/tokens", "/apis/slipway.dev/v1/data", "/k8s/api/v1/secrets"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("kubeflow-userid", "admin@slipway.local")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s, want 401", path, res.Status)
		}
	}
}
