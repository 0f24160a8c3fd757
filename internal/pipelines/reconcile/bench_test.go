package reconcile

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

// outcomes is an object store in which every attempt has succeeded.
type outcomes struct{}

func (outcomes) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte(`{"succeeded":true,"parameters":{"y":1},"startedAt":"2026-01-01T00:00:00Z","finishedAt":"2026-01-01T00:00:00Z"}`)
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"Last-Modified": {"Thu, 01 Jan 2026 00:00:00 GMT"}, "Etag": {`"x"`}},
	}, nil
}

// instantPods is an API server whose pods are over as soon as they are made.
func instantPods() *fake.Clientset {
	kube := fake.NewClientset()
	events := watch.NewFakeWithChanSize(1<<16, false)
	kube.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create, ok := a.(clienttesting.CreateAction)
		if !ok {
			return false, nil, nil
		}
		pod, ok := create.GetObject().(*corev1.Pod)
		if !ok {
			return false, nil, nil
		}
		pod.Status = corev1.PodStatus{Phase: corev1.PodSucceeded}
		events.Add(pod)
		return true, pod, nil
	})
	kube.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) { return true, events, nil })
	kube.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}, nil
	})
	return kube
}

// BenchmarkRun drives runs through engine and store (a file, synchronous=normal)
// with pods that cost nothing: what a task costs us.
func BenchmarkRun(b *testing.B) {
	for name, shape := range map[string]func(int) string{"wide-1000": wide, "chain-1000": chain} {
		b.Run(name, func(b *testing.B) {
			db, err := sqldb.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			store, err := sqlstore.New(b.Context(), db, time.Now)
			if err != nil {
				b.Fatal(err)
			}
			config := blob.Config{Endpoint: "http://objects", AccessKey: "a", SecretKey: "s", Transport: outcomes{}}
			ctx, cancel := context.WithCancel(b.Context())
			r := New(Deps{
				Store: store, Kube: instantPods(), Clock: time.Now, NewID: uuid.NewString, Owner: "bench", Sole: true,
				Objects: blob.NewProfiles(time.Now, func(context.Context, string) (blob.Config, error) { return config, nil }),
				Pods:    podspec.Settings{AgentImage: "agent:1", ImageVolumes: true},
			})
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			w := &world{store: store}
			spec := shape(1000)
			for b.Loop() {
				id := w.submit(b, spec)
				if run, _ := w.await(b, id); run.State != pipelines.Succeeded {
					b.Fatalf("run is %s: %v", run.State, run.Error)
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
	}
}
