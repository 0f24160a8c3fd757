package reconcile

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-ml/slipway/internal/config"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/testkit"
	"github.com/slipway-ml/slipway/internal/userpod"
	"github.com/slipway-ml/slipway/internal/why"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// team makes a namespace such as a profile's.
func team(t *testing.T, kube kubernetes.Interface) string {
	t.Helper()
	name := testkit.Name(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "baseline"}}}
	if _, err := kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

func stepPod(t *testing.T, namespace string, volumes bool, r plan.Resources) *corev1.Pod {
	t.Helper()
	pod, err := podspec.Build(
		engine.Start{
			Attempt:   pipelines.Attempt{RunID: "r", TaskID: "t", Number: 1, PodName: testkit.Name(t), Input: []byte(`{}`)},
			Container: plan.Container{Image: "python:3.11", Command: []string{"python"}, Resources: r},
		},
		&pipelines.Run{Namespace: namespace},
		podspec.Settings{AgentImage: "agent:1", ImageVolumes: volumes, Pods: userpod.Settings{Network: config.Network{TrustBundle: "/bundle.pem"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestRealAPIServerTakesOrExplains(t *testing.T) {
	kube, err := kubernetes.NewForConfig(testkit.APIServer(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	volumes, err := ImageVolumes(ctx, kube, "default", "agent:1")
	if err != nil || !volumes {
		t.Fatalf("image volumes: %t, %v", volumes, err)
	}
	ns := team(t, kube)
	for _, volumes := range []bool{true, false} {
		if _, err := kube.CoreV1().Pods(ns).Create(ctx, stepPod(t, ns, volumes, plan.Resources{}), metav1.CreateOptions{}); err != nil {
			t.Fatalf("a step's pod with image volumes %t does not pass pod security baseline: %v", volumes, err)
		}
	}
	hard := corev1.ResourceList{"requests.cpu": resource.MustParse("1")}
	quota, err := kube.CoreV1().ResourceQuotas(ns).Create(ctx, &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "quota"}, Spec: corev1.ResourceQuotaSpec{Hard: hard},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	quota.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{"requests.cpu": resource.MustParse("600m")}}
	if _, err := kube.CoreV1().ResourceQuotas(ns).UpdateStatus(ctx, quota, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		namespace string
		resources plan.Resources
		want      string
		forever   bool
	}{
		"a quota that is used up":     {ns, plan.Resources{CPURequest: "500m"}, "the profile's quota is used up (requested requests.cpu=500m; used requests.cpu=600m; limited to requests.cpu=1)", true},
		"a quota that never suffices": {ns, plan.Resources{CPURequest: "2"}, "the step asks for more than the profile's quota (requests.cpu 2 of 1)", false},
		"a namespace that is gone":    {"no-such-team", plan.Resources{}, "the profile's namespace does not exist", false},
		"nonsense":                    {ns, plan.Resources{CPURequest: "800m", CPULimit: "700m"}, "Kubernetes refuses the step's pod", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := kube.CoreV1().Pods(tc.namespace).Create(ctx, stepPod(t, tc.namespace, true, tc.resources), metav1.CreateOptions{})
			if err == nil {
				t.Fatal("the pod was taken")
			}
			reason, ok := why.Refused(err)
			if !ok || !strings.HasPrefix(reason.Text, tc.want) || (reason.Patience == why.Forever) != tc.forever {
				t.Errorf("%v\nis explained as %t %+v", err, ok, reason)
			}
		})
	}
}
