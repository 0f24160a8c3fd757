package podlogs

import (
	"context"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/testkit"
)

// live is what the pretended API server gives as any pod's log.
const live = "fake logs"

var source = Source{Namespace: "team", Pod: "p", Container: "main", Bucket: "team", Prefix: "runs/r/t/1"}

func newReader(t *testing.T) (*Reader, *blob.Store) {
	t.Helper()
	s3 := testkit.ObjectStore(t)
	s3.MakeBucket(t, "team")
	config := blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret}
	store, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	objects := blob.NewProfiles(time.Now, func(context.Context, string) (blob.Config, error) { return config, nil })
	return &Reader{Kube: fake.NewClientset(), Objects: objects}, store
}

// pod makes the pod, or gives it another state.
func pod(t *testing.T, r *Reader, state *corev1.ContainerState) {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "p"}}
	if state != nil {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: *state}}
	}
	_ = r.Kube.CoreV1().Pods("team").Delete(t.Context(), "p", metav1.DeleteOptions{})
	if _, err := r.Kube.CoreV1().Pods("team").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, r *Reader, follow bool) string {
	t.Helper()
	body, err := r.Open(t.Context(), source, follow)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOpen(t *testing.T) {
	r, store := newReader(t)
	running := &corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := &corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}

	if got := read(t, r, false); got != "" {
		t.Errorf("neither pod nor archive: %q", got)
	}
	pod(t, r, nil)
	if got := read(t, r, false); got != "" {
		t.Errorf("a pod that waits: %q", got)
	}
	pod(t, r, running)
	if got := read(t, r, true); got != live {
		t.Errorf("a pod that runs: %q", got)
	}
	pod(t, r, ended)
	if got := read(t, r, false); got != live {
		t.Errorf("a pod that ended without an archive: %q", got)
	}
	for key, text := range map[string]string{"log-00002": "three", "log": "one,", "log-00001": "two,", "logs-of-others": "no"} {
		if err := store.PutBytes(t.Context(), "team", source.Prefix+"/"+key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, r, true); got != "one,two,three" {
		t.Errorf("a pod that ended: %q", got)
	}
}

func TestFollowWaitsForThePod(t *testing.T) {
	r, _ := newReader(t)
	pod(t, r, nil)
	time.AfterFunc(100*time.Millisecond, func() { pod(t, r, &corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}) })
	if got := read(t, r, true); got != live {
		t.Errorf("%q", got)
	}
}
