package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
	"github.com/slipway-ml/slipway/internal/testkit"
)

const profile = "team"

// world is everything around a Reconciler: a real store and a real object store,
// and an API server with a kubelet that only pretend.
type world struct {
	store   *sqlstore.Store
	objects *blob.Store
	kube    *fake.Clientset
	deps    Deps

	mu   sync.Mutex
	ran  map[string]int // executions by pod name
	dead map[string]chan struct{}
	// behave says what a step does; nil: succeed at once.
	behave func(ctx context.Context, spec attempt.Spec) *attempt.Outcome
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s3 := testkit.ObjectStore(t)
	s3.MakeBucket(t, profile)
	config := blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret}
	w := &world{kube: fake.NewClientset(), ran: map[string]int{}, dead: map[string]chan struct{}{}}
	var err error
	if w.objects, err = blob.Open(config); err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if w.store, err = sqlstore.New(t.Context(), db, time.Now); err != nil {
		t.Fatal(err)
	}
	w.deps = Deps{
		Store: w.store, Kube: w.kube, Clock: time.Now, NewID: uuid.NewString, Owner: "test", Sole: true,
		Objects: blob.NewProfiles(time.Now, func(context.Context, string) (blob.Config, error) { return config, nil }),
		Pods:    podspec.Settings{AgentImage: "agent:1", ImageVolumes: true},
	}
	w.kube.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create, ok := a.(clienttesting.CreateAction)
		if !ok {
			return false, nil, nil
		}
		pod, ok := create.GetObject().(*corev1.Pod)
		if ok {
			go w.kubelet(t, pod.DeepCopy())
		}
		return false, nil, nil
	})
	w.kube.PrependReactor("delete", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if del, ok := a.(clienttesting.DeleteAction); ok {
			w.kill(del.GetName())
		}
		return false, nil, nil
	})
	return w
}

// end is closed when the pod of that name is deleted.
func (w *world) end(pod string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead[pod] == nil {
		w.dead[pod] = make(chan struct{})
	}
	return w.dead[pod]
}

// kill ends a pod; it may be asked for twice.
func (w *world) kill(pod string) {
	dead := w.end(pod)
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-dead:
	default:
		close(dead)
	}
}

// kubelet runs a pod: the agent's protocol without the agent.
func (w *world) kubelet(t *testing.T, pod *corev1.Pod) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dead := w.end(pod.Name)
	go func() {
		select {
		case <-dead:
		case <-ctx.Done():
		}
		cancel()
	}()
	for ctx.Err() == nil { // the pod is in the API server a moment after its creation is asked for
		if _, err := w.kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{}); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	w.mu.Lock()
	w.ran[pod.Name]++
	w.mu.Unlock()
	var spec attempt.Spec
	for _, e := range pod.Spec.Containers[0].Env {
		if e.Name == attempt.EnvSpec {
			if err := json.Unmarshal([]byte(strings.ReplaceAll(e.Value, "$$", "$")), &spec); err != nil {
				t.Error(err)
			}
		}
	}
	w.status(ctx, pod, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}})
	o := &attempt.Outcome{Succeeded: true, Parameters: map[string]json.RawMessage{}}
	for name := range spec.OutputParameters {
		o.Parameters[name] = json.RawMessage(`1`)
	}
	if w.behave != nil {
		o = w.behave(ctx, spec)
	}
	if ctx.Err() != nil {
		return
	}
	end := corev1.ContainerStateTerminated{FinishedAt: metav1.Now()}
	phase := corev1.PodSucceeded
	if o == nil {
		end.ExitCode, phase = 137, corev1.PodFailed
	} else if data, err := json.Marshal(o); err != nil {
		t.Error(err)
	} else if err := w.objects.PutIfAbsent(ctx, spec.Bucket, spec.Prefix+"/"+attempt.OutcomeName, data); err != nil && ctx.Err() == nil && !errors.Is(err, blob.ErrExists) {
		t.Error(err)
	}
	w.status(ctx, pod, phase, corev1.ContainerState{Terminated: &end})
}

func (w *world) status(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase, state corev1.ContainerState) {
	pod.Status = corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: podspec.MainContainer, State: state}}}
	_, _ = w.kube.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

// start runs a Reconciler until the returned function is called.
func (w *world) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	r := New(w.deps)
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

const pipelineHead = `
pipelineInfo: {name: pipe}
schemaVersion: 2.1.0
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER}}}
    outputDefinitions: {parameters: {y: {parameterType: NUMBER_INTEGER}}}
deploymentSpec:
  executors:
    exec-step: {container: {image: busybox, command: [echo], args: ["{{$.inputs.parameters['x']}}"]}}
root:
  dag:
    tasks:
      t0: {taskInfo: {name: t0}, componentRef: {name: comp-step}, inputs: {parameters: {x: {runtimeValue: {constant: 0}}}}}
`

// chain is a pipeline of n steps, one after the other.
func chain(n int) string {
	out := pipelineHead
	for i := 1; i < n; i++ {
		out += fmt.Sprintf("      t%d: {taskInfo: {name: t%d}, componentRef: {name: comp-step}, dependentTasks: [t%d], inputs: {parameters: {x: {taskOutputParameter: {producerTask: t%d, outputParameterKey: y}}}}}\n", i, i, i-1, i-1)
	}
	return out
}

// wide is a pipeline of n steps at once.
func wide(n int) string {
	out := pipelineHead
	for i := 1; i < n; i++ {
		out += fmt.Sprintf("      t%d: {taskInfo: {name: t%d}, componentRef: {name: comp-step}, inputs: {parameters: {x: {runtimeValue: {constant: %d}}}}}\n", i, i, i)
	}
	return out
}

// submit creates a run.
func (w *world) submit(t testing.TB, spec string) string {
	t.Helper()
	ctx := t.Context()
	e, err := w.store.EnsureExperiment(ctx, pipelines.Experiment{ID: uuid.NewString(), Namespace: profile, DisplayName: "Default", StorageState: pipelines.Available})
	if err != nil {
		t.Fatal(err)
	}
	run, err := w.store.CreateRun(ctx, pipelines.Run{
		ID: uuid.NewString(), Namespace: profile, ExperimentID: e.ID, DisplayName: "run",
		StorageState: pipelines.Available, State: pipelines.Pending, Spec: json.RawMessage(spec),
	})
	if err != nil {
		t.Fatal(err)
	}
	return run.ID
}

// await waits until the run is final and returns it with its tasks by name.
func (w *world) await(t testing.TB, id string) (*pipelines.Run, map[string]pipelines.Task) {
	t.Helper()
	var run *pipelines.Run
	w.until(t, "run "+id+" ends", func() bool {
		var err error
		if run, err = w.store.Run(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return run.State.Final()
	})
	return run, w.tasks(t, id)
}

func (w *world) tasks(t testing.TB, id string) map[string]pipelines.Task {
	t.Helper()
	rows, err := w.store.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]pipelines.Task{}
	for _, row := range rows {
		tasks[row.Name] = row
	}
	return tasks
}

func (w *world) until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func (w *world) executions() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]int{}
	for pod, n := range w.ran {
		out[pod] = n
	}
	return out
}
