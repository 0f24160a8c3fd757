package images

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-ml/slipway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestPodsRunTheirOwnProfilesImages is about manifests/admission/images.yaml.
func TestPodsRunTheirOwnProfilesImages(t *testing.T) {
	c := testkit.Client(t)
	ns := testkit.Name(t)
	for _, name := range []string{ns, ns + "x"} {
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	own, other := ProfilePrefix+ns+"/train:1", ProfilePrefix+ns+"x/train:1"
	pod := func(change func(*corev1.PodSpec)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, GenerateName: "p-"}}
		p.Spec.Containers = []corev1.Container{{Name: "main", Image: own}}
		p.Spec.AutomountServiceAccountToken = new(bool)
		change(&p.Spec)
		return p
	}
	refused := func(err error) bool {
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), other+" belongs to another profile")
	}
	// The API server starts to enforce a policy some time after it is written.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := c.Create(t.Context(), pod(func(s *corev1.PodSpec) { s.Containers[0].Image = other }), client.DryRunAll)
		if refused(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not refused: %v", err)
		}
	}
	for name, c2 := range map[string]struct {
		change func(*corev1.PodSpec)
		admit  bool
	}{
		"its own image": {func(*corev1.PodSpec) {}, true},
		"a public one":  {func(s *corev1.PodSpec) { s.Containers[0].Image = "python:3.11" }, true},
		"another profile's in an init container": {func(s *corev1.PodSpec) {
			s.InitContainers = []corev1.Container{{Name: "init", Image: other}}
		}, false},
		"another profile's as a volume": {func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: other}}}}
		}, false},
		"other volumes": {func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Create(t.Context(), pod(c2.change), client.DryRunAll)
			if c2.admit && err != nil && !strings.Contains(err.Error(), "error looking up service account") {
				t.Error(err)
			}
			if !c2.admit && !refused(err) {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}
