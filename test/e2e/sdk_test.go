//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const sdkTimeout = 8 * time.Minute

// The official client from outside, with a personal token.
func TestOfficialClientWithToken(t *testing.T) {
	t.Parallel()
	printed := strings.Fields(python(t, "testdata/sdk.py", "token"))
	id := printed[len(printed)-1] // the SDK prints links before it
	tasks, err := instance.client.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if task.ParentTaskID == "" && string(task.Output("Output")) != "42" {
			t.Errorf("1 + (1 + 40) gave %s", task.Output("Output"))
		}
	}
}

// The official client with a kubeconfig and nothing else: it goes through the
// service proxy of the Kubernetes API, in the caller's name.
func TestOfficialClientWithKubeconfig(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Getenv("SLIPWAY_PYTHON"), "testdata/sdk.py", "kubeconfig")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(instance.dataDir, "user.kubeconfig"), "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// The official client inside a pod of a profile, with its projected token.
func TestOfficialClientInPod(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/sdk.py")
	if err != nil {
		t.Fatal(err)
	}
	indented, err := json.Marshal(string(script))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"sdk-script","namespace":"admin"},"data":{"sdk.py":`+string(indented)+`}}`)
	apply(t, `
apiVersion: v1
kind: Pod
metadata: {name: sdk, namespace: admin}
spec:
  restartPolicy: Never
  serviceAccountName: default-editor
  containers:
    - name: main
      image: slipway.dev/examples:1
      command: [python3, /script/sdk.py, pod]
      env:
        - {name: KF_PIPELINES_SA_TOKEN_PATH, value: /var/run/secrets/kubeflow/pipelines/token}
        - {name: HOME, value: /tmp}
      volumeMounts:
        - {name: token, mountPath: /var/run/secrets/kubeflow/pipelines}
        - {name: script, mountPath: /script}
  volumes:
    - name: token
      projected:
        sources: [{serviceAccountToken: {path: token, audience: pipelines.kubeflow.org}}]
    - name: script
      configMap: {name: sdk-script}
`)
	phase := podEnd(t, "admin", "sdk", sdkTimeout)
	if phase != "Succeeded" {
		t.Fatalf("pod %s\n%s", phase, kubectl(t, "logs", "-n", "admin", "sdk"))
	}
}

// The demo, as make demo runs it, ends with the metrics of a trained model.
func TestDemo(t *testing.T) {
	t.Parallel()
	out := python(t, filepath.Join(instance.root, "examples", "breast_cancer", "demo.py"), "--host", instance.url, "--token-file", instance.tokenFile, "-o", "json")
	var result struct {
		State     string `json:"state"`
		Artifacts []struct {
			Name     string         `json:"name"`
			URI      string         `json:"uri"`
			Metadata map[string]any `json:"metadata"`
		} `json:"artifacts"`
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := map[string]bool{}
	for _, a := range result.Artifacts {
		found[a.Name] = true
		if auc, ok := a.Metadata["test_roc_auc"].(float64); ok && auc < 0.97 {
			t.Errorf("%s: ROC AUC %v; this data set gives more than 0.97", a.Name, auc)
		}
		if a.Name == "best" {
			slipway(t, "data", "cp", a.URI, filepath.Join(t.TempDir(), "model"))
		}
	}
	for _, name := range []string{"best", "scores", "evaluation", "report", "model", "train", "test"} {
		if !found[name] {
			t.Errorf("no artifact %s", name)
		}
	}
}
