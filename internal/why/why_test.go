package why

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// pod is a pod of namespace team; edit shapes it.
func pod(edit func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "team"},
		Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: "main", Image: "trainer:1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodPending},
	}
	edit(p)
	return p
}

func waits(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", Image: "trainer:1", State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
		}}}
	}
}

const remedy = "check its name, or provide it with `slipway image load` or `slipway image push`"

func TestPending(t *testing.T) {
	tests := map[string]struct {
		pod      *corev1.Pod
		events   []corev1.Event
		want     string
		patience time.Duration
	}{
		"a pod that is just being made": {pod: pod(waits("ContainerCreating", ""))},
		"no room": {
			pod: pod(func(p *corev1.Pod) {
				p.Spec.NodeName = ""
				p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"memory": resource.MustParse("64Gi")}
				p.Status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
					Message: "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: no victims.",
				}}
			}),
			want:     "no node can take the step now: 0/1 nodes are available: 1 Insufficient memory (it asks for 64Gi memory); it starts when there is room: ask for less, or add nodes",
			patience: Forever,
		},
		"an image that does not exist": {
			pod:      pod(waits("ErrImagePull", `failed to pull and unpack image "docker.io/library/trainer:1": failed to resolve reference "docker.io/library/trainer:1": docker.io/library/trainer:1: not found`)),
			want:     "image trainer:1 was not found in any registry that answers; " + remedy,
			patience: notFound,
		},
		"the same while the kubelet pauses": {
			pod:      pod(waits("ImagePullBackOff", `Back-off pulling image "trainer:1": ErrImagePull: failed to pull and unpack image "docker.io/library/trainer:1": failed to resolve reference "docker.io/library/trainer:1": docker.io/library/trainer:1: not found`)),
			want:     "image trainer:1 was not found in any registry that answers; " + remedy,
			patience: notFound,
		},
		"a registry without an answer": {
			pod:      pod(waits("ErrImagePull", `failed to resolve reference "r.example/t:1": failed to do request: Head "https://r.example/v2/t/manifests/1": dial tcp: lookup r.example on 10.0.0.10:53: no such host`)),
			want:     "image trainer:1 cannot be pulled: its registry does not answer (lookup r.example on 10.0.0.10:53: no such host); " + remedy,
			patience: unreachable,
		},
		"a registry that wants a login": {
			pod:      pod(waits("ErrImagePull", `pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`)),
			want:     "image trainer:1 cannot be pulled: it does not exist, or its registry wants a login; " + remedy,
			patience: notFound,
		},
		"a bad name": {
			pod:  pod(waits("InvalidImageName", `Failed to apply default image tag "trainer:1:2"`)),
			want: `"trainer:1" is no name of an image: use registry/name:tag`, patience: Never,
		},
		"a missing Secret": {
			pod:  pod(waits("CreateContainerConfigError", `secret "key" not found`)),
			want: "Secret key does not exist in namespace team: create it", patience: missing,
		},
		"a missing key": {
			pod:  pod(waits("CreateContainerConfigError", `couldn't find key token in Secret team/key`)),
			want: "Secret team/key has no key token: add it", patience: missing,
		},
		"a missing ConfigMap of a volume": {
			pod: pod(waits("ContainerCreating", "")),
			events: []corev1.Event{
				{Type: "Normal", Reason: "Scheduled", Message: "assigned"},
				{Type: "Warning", Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "conf" : configmap "slipway-trust" not found`},
			},
			want: "ConfigMap slipway-trust does not exist in namespace team: create it", patience: missing,
		},
		"a sandbox that fails": {
			pod:      pod(waits("ContainerCreating", "")),
			events:   []corev1.Event{{Type: "Warning", Reason: "FailedCreatePodSandBox", Message: `Failed to create pod sandbox: rpc error: plugin type="bridge" failed: no IP addresses available`}},
			want:     `the node cannot make the pod's sandbox: plugin type="bridge" failed: no IP addresses available`,
			patience: sandboxTries,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := Pending(tc.pod, tc.events)
			if ok != (tc.want != "") || got.Text != tc.want || got.Patience != tc.patience {
				t.Errorf("%t %q %s\nwant %q %s", ok, got.Text, got.Patience, tc.want, tc.patience)
			}
		})
	}
}

func TestEnded(t *testing.T) {
	ended := func(reason string, code int32, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodFailed
			p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("1Gi")}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message},
			}}}
		}
	}
	tests := map[string]struct {
		pod  *corev1.Pod
		want End
	}{
		"gone":          {nil, End{"the pod was deleted", true}},
		"out of memory": {pod(ended("OOMKilled", 137, "")), End{"the step ran out of memory (its limit is 1Gi): raise its memory limit, or make it need less", false}},
		"cannot start":  {pod(ended("StartError", 128, `failed to create containerd task: exec: "/slipway/slipway-agent": no such file`)), End{`the container cannot be started: "/slipway/slipway-agent": no such file`, true}},
		"agent's word":  {pod(ended("Error", 75, "the object store does not answer: dial tcp: refused")), End{"the object store does not answer: dial tcp: refused", true}},
		"killed":        {pod(ended("Error", 137, "")), End{"container main was ended from outside (exit code 137)", true}},
		"evicted": {
			pod(func(p *corev1.Pod) {
				p.Status.Reason, p.Status.Message = "Evicted", "The node was low on resource: memory."
			}),
			End{"the node evicted the pod: The node was low on resource: memory", true},
		},
		"too long": {pod(func(p *corev1.Pod) { p.Status.Reason = "DeadlineExceeded" }), End{"the step ran longer than its time limit", false}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Ended(tc.pod); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	forbidden := func(message string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "p", errors.New(message))
	}
	tests := map[string]struct {
		err  error
		want Reason
	}{
		"a quota that others use up": {
			forbidden("exceeded quota: q, requested: cpu=1, used: cpu=2, limited: cpu=2"),
			Reason{"the profile's quota is used up (requested cpu=1; used cpu=2; limited to cpu=2): the step starts when others end, or have the quota raised", Forever},
		},
		"a quota that never suffices": {
			forbidden("exceeded quota: q, requested: cpu=3,memory=1Gi, used: cpu=0,memory=0, limited: cpu=2,memory=2Gi"),
			Reason{"the step asks for more than the profile's quota (cpu 3 of 2): ask for less, or have the quota raised", Never},
		},
		"a policy": {
			forbidden(`violates PodSecurity "baseline:latest": privileged`),
			Reason{`the profile's rules forbid the step's pod: violates PodSecurity "baseline:latest": privileged`, Never},
		},
		"a service account that is missing": {
			forbidden(`error looking up service account team/trainer: serviceaccount "trainer" not found`),
			Reason{`the step's service account is missing: error looking up service account team/trainer: serviceaccount "trainer" not found`, notFound},
		},
		"a server that is away": {apierrors.NewServiceUnavailable("etcd"), Reason{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, _ := Refused(tc.err); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}
