package kube_test

import (
	"strings"
	"testing"
	"testing/fstest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/internal/testkit"
	"github.com/slipway-ml/slipway/manifests"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestManifestsApplyAgainWithoutAChange(t *testing.T) {
	c := testkit.Client(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "kubeflow", Name: "slipway"}}
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(account), account))
	before := account.ResourceVersion
	must(t, kube.ApplyManifests(t.Context(), testkit.APIServer(t), manifests.FS))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(account), account))
	if account.ResourceVersion != before {
		t.Error("applying the same manifests wrote again")
	}
}

func TestABadManifestNamesItsFileAndDocument(t *testing.T) {
	fsys := fstest.MapFS{"rbac/role.yaml": {Data: []byte("kind: Role\n---\nkind: Role\nkind: Role\n")}}
	_, err := kube.ReadManifests(fsys)
	if err == nil || !strings.Contains(err.Error(), "rbac/role.yaml: document 2") {
		t.Errorf("error %v", err)
	}
}

func TestApplyTakesBackItsFieldsAndLeavesOthers(t *testing.T) {
	c := testkit.Client(t)
	wanted := func() *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kubeflow", Name: testkit.Name(t)},
			Data:       map[string]string{"ours": "1"},
		}
	}
	obj := wanted()
	must(t, kube.Apply(t.Context(), c, "tests", obj))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj))
	obj.Data["ours"], obj.Data["theirs"] = "spoilt", "2"
	must(t, c.Update(t.Context(), obj))

	again := wanted()
	again.Name = obj.Name
	must(t, kube.Apply(t.Context(), c, "tests", again))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj))
	if obj.Data["ours"] != "1" || obj.Data["theirs"] != "2" {
		t.Errorf("data %v", obj.Data)
	}
}

func TestPatchStatusSendsTheStatusAlone(t *testing.T) {
	c := testkit.Client(t)
	profile := testkit.Profile(testkit.Name(t)).Obj()
	must(t, c.Create(t.Context(), profile))
	before := profile.DeepCopy()
	must(t, kube.AddFinalizer(t.Context(), c, profile, profilev1.Finalizer))
	profile.Status.Conditions = []profilev1.ProfileCondition{{Type: profilev1.Successful, Status: "True"}}
	must(t, kube.PatchStatus(t.Context(), c, profile, before))

	written := profile.ResourceVersion
	must(t, kube.PatchStatus(t.Context(), c, profile, profile.DeepCopy()))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(profile), profile))
	if profile.ResourceVersion != written || len(profile.Finalizers) != 1 || len(profile.Status.Conditions) != 1 {
		t.Errorf("finalizers %v, status %+v, written again: %v", profile.Finalizers, profile.Status, profile.ResourceVersion != written)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
