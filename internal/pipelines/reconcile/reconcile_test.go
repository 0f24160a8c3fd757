package reconcile

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
)

func TestRunGoesFromStepToStep(t *testing.T) {
	w := newWorld(t)
	defer w.start(t)()
	run, tasks := w.await(t, w.submit(t, chain(4)))
	if run.State != pipelines.Succeeded || run.FinishedAt.IsZero() {
		t.Errorf("run is %s, error %v", run.State, run.Error)
	}
	if last := tasks["t3"]; last.State != pipelines.Succeeded || string(last.Inputs.Parameters["x"]) != "1" {
		t.Errorf("last step: %s, inputs %s", last.State, last.Inputs.Parameters["x"])
	}
}

func TestFailedCommandIsFinal(t *testing.T) {
	w := newWorld(t)
	w.behave = func(context.Context, attempt.Spec) *attempt.Outcome {
		return &attempt.Outcome{ExitCode: 3, Message: "no such column"}
	}
	defer w.start(t)()
	run, tasks := w.await(t, w.submit(t, chain(2)))
	if run.State != pipelines.Failed || tasks["t0"].Error == nil || tasks["t0"].Error.Message != "no such column" {
		t.Errorf("run %s, step %+v", run.State, tasks["t0"].Error)
	}
	if n := len(w.executions()); n != 1 {
		t.Errorf("%d pods, want one", n)
	}
}

func TestDeletedPodIsAnotherAttempt(t *testing.T) {
	w := newWorld(t)
	var running, most, calls atomic.Int32
	w.behave = func(ctx context.Context, _ attempt.Spec) *attempt.Outcome {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		if calls.Add(1) == 1 {
			<-ctx.Done() // until somebody deletes the pod
		}
		return &attempt.Outcome{Succeeded: true, Parameters: map[string]pipelines.Value{"y": pipelines.Value("1")}}
	}
	defer w.start(t)()
	id := w.submit(t, chain(1))
	w.until(t, "the step runs", func() bool { return w.tasks(t, id)["t0"].State == pipelines.Running })
	pod := w.tasks(t, id)["t0"].PodName
	if err := w.kube.CoreV1().Pods(profile).Delete(t.Context(), pod, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	run, tasks := w.await(t, id)
	if run.State != pipelines.Succeeded || !strings.HasSuffix(tasks["t0"].PodName, "-2") || most.Load() != 1 {
		t.Errorf("run %s, last pod %s, %d at once", run.State, tasks["t0"].PodName, most.Load())
	}
	// The first attempt is closed: a straggler can't speak for it any more.
	attempts, err := w.store.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 2 || attempts[0].Error == nil {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
}

func TestAttemptsWithoutAnOutcomeAreRepeated(t *testing.T) {
	w := newWorld(t)
	w.behave = func(_ context.Context, spec attempt.Spec) *attempt.Outcome {
		if spec.Number < 3 {
			return nil // as a container that is killed
		}
		return &attempt.Outcome{Succeeded: true, Parameters: map[string]pipelines.Value{"y": pipelines.Value("1")}}
	}
	defer w.start(t)()
	began := time.Now()
	id := w.submit(t, chain(1))
	run, tasks := w.await(t, id)
	if run.State != pipelines.Succeeded || !strings.HasSuffix(tasks["t0"].PodName, "-3") {
		t.Errorf("run %s, last pod %s", run.State, tasks["t0"].PodName)
	}
	if took := time.Since(began); took < firstPause {
		t.Errorf("the third attempt followed after %s, want a pause of %s", took, firstPause)
	}
	attempts, err := w.store.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 3 || !strings.Contains(attempts[1].Error.Message, "exit code 137") {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
}

func TestTerminateEndsPodsAndRun(t *testing.T) {
	w := newWorld(t)
	w.behave = func(ctx context.Context, _ attempt.Spec) *attempt.Outcome {
		<-ctx.Done()
		return nil
	}
	defer w.start(t)()
	id := w.submit(t, wide(3))
	w.until(t, "the steps run", func() bool { return len(w.executions()) == 3 })
	if err := w.store.RequestTerminate(t.Context(), id, time.Now()); err != nil {
		t.Fatal(err)
	}
	run, tasks := w.await(t, id)
	if run.State != pipelines.Canceled || tasks["t1"].State != pipelines.Canceled {
		t.Errorf("run %s, step %s", run.State, tasks["t1"].State)
	}
	pods, err := w.kube.CoreV1().Pods(profile).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 0 {
		t.Errorf("%d pods are left, %v", len(pods.Items), err)
	}
}

// suddenDeath keeps the leases of a server that ends, as kill -9 does.
type suddenDeath struct{ *sqlstore.Store }

func (suddenDeath) Release(context.Context, pipelines.Lease) error { return nil }

func TestServersThatDieAnywhereLoseAndRepeatNothing(t *testing.T) {
	w := newWorld(t)
	w.behave = func(_ context.Context, spec attempt.Spec) *attempt.Outcome {
		time.Sleep(rand.N(60 * time.Millisecond))
		return &attempt.Outcome{Succeeded: true, Parameters: map[string]pipelines.Value{"y": pipelines.Value("1")}}
	}
	w.deps.Store = suddenDeath{w.store}
	var ids []string
	stop := w.start(t)
	for death := range 20 {
		ids = append(ids, w.submit(t, []string{chain(6), wide(6)}[death%2]))
		time.Sleep(rand.N(200 * time.Millisecond))
		stop()
		stop = w.start(t)
	}
	defer func() { stop() }()
	for _, id := range ids {
		if run, _ := w.await(t, id); run.State != pipelines.Succeeded {
			t.Errorf("run is %s: %v", run.State, run.Error)
		}
	}
	total := 0
	for pod, n := range w.executions() {
		total += n
		if n != 1 || !strings.HasSuffix(pod, "-1") {
			t.Errorf("pod %s ran %d times", pod, n)
		}
	}
	if total != len(ids)*6 {
		t.Errorf("%d executions of %d steps", total, len(ids)*6)
	}
}
