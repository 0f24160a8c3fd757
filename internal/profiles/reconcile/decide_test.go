package reconcile

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
	"github.com/slipway-ml/slipway/internal/testkit"
)

var update = flag.Bool("update", false, "write testdata/*.out.yaml anew")

// noTenants stands for a store that decide must not call.
type noTenants struct{}

func (noTenants) Works(context.Context, string, tenant.Key) (bool, error) {
	panic("decide does no I/O")
}
func (noTenants) Ensure(context.Context, string, tenant.Key) error { panic("decide does no I/O") }
func (noTenants) Remove(context.Context, string, string) error     { panic("decide does no I/O") }

func testOptions() Options {
	return Options{
		Tenants: noTenants{}, BucketPrefix: "kf-", S3Endpoint: "http://10.1.0.1:9000", S3Region: "us-east-1",
		TrustBundle: []byte("-----BEGIN CERTIFICATE-----\n"), NodeCIDRs: []string{"10.1.0.1/32"},
	}
}

// What a profile becomes, input and output side by side: testdata/*.in.yaml.
func TestWhatAProfileBecomes(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		t.Run(filepath.Base(input), func(t *testing.T) {
			profile := &profilev1.Profile{}
			unmarshal(t, input, profile)
			got := render(t, decide(profile, found{key: tenant.Key{Access: user(profile), Secret: "sesame"}}, testOptions()))

			output := strings.TrimSuffix(input, ".in.yaml") + ".out.yaml"
			if *update {
				if err := os.WriteFile(output, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("run with -update to accept (-want +got):\n%s", diff)
			}
		})
	}
}

func TestANamespaceThatExists(t *testing.T) {
	profile := testkit.Profile("team-a").UID("uid-1").Obj()
	controlledBy := func(uid types.UID) []metav1.OwnerReference {
		owner := testkit.Profile("team-a").UID(uid).Obj()
		return []metav1.OwnerReference{*metav1.NewControllerRef(owner, profilev1.GroupVersion.WithKind("Profile"))}
	}
	now := metav1.Now()
	for name, tc := range map[string]struct {
		meta metav1.ObjectMeta
		want profilev1.ConditionType
	}{
		"is taken over when the profile made it":                 {metav1.ObjectMeta{OwnerReferences: controlledBy("uid-1")}, profilev1.Successful},
		"is taken over when it is marked as the same owner's":    {metav1.ObjectMeta{Annotations: map[string]string{"owner": "team-a@example.com"}}, profilev1.Successful},
		"follows the profile to a new owner":                     {metav1.ObjectMeta{OwnerReferences: controlledBy("uid-1"), Annotations: map[string]string{"owner": "old@example.com"}}, profilev1.Successful},
		"is refused when it is marked as another's":              {metav1.ObjectMeta{Annotations: map[string]string{"owner": "eve@example.com"}}, profilev1.Failed},
		"is refused when it is nobody's":                         {metav1.ObjectMeta{}, profilev1.Failed},
		"is refused when another controls it, whatever its mark": {metav1.ObjectMeta{OwnerReferences: controlledBy("uid-2"), Annotations: map[string]string{"owner": "team-a@example.com"}}, profilev1.Failed},
		"is left alone while it is being deleted":                {metav1.ObjectMeta{OwnerReferences: controlledBy("uid-1"), DeletionTimestamp: &now}, profilev1.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			p := decide(profile, found{namespace: &corev1.Namespace{ObjectMeta: tc.meta}}, testOptions())
			if p.condition.Type != tc.want {
				t.Errorf("condition %+v, want %s", p.condition, tc.want)
			}
			if untouched := len(p.objects) == 0 && len(p.remove) == 0 && p.tenancy == nil; untouched == (tc.want == profilev1.Successful) {
				t.Errorf("%d objects to write, %d to remove, tenancy %v", len(p.objects), len(p.remove), p.tenancy)
			}
		})
	}
}

func TestAKeyIsGrantedOnlyWhenTheOneInUseDoesNotWork(t *testing.T) {
	profile := testkit.Profile("team-a").Obj()
	for _, works := range []bool{true, false} {
		p := decide(profile, found{key: tenant.Key{Access: "a", Secret: "s"}, keyWorks: works}, testOptions())
		if p.tenancy.grant == works {
			t.Errorf("key works: %v, granted: %v", works, p.tenancy.grant)
		}
	}
}

func TestDefaultsFollowTheQuota(t *testing.T) {
	type list = map[corev1.ResourceName]string
	for name, tc := range map[string]struct{ hard, requests, limits list }{
		"nothing counted that a container may leave open": {hard: list{"pods": "10", "requests.nvidia.com/gpu": "1"}},
		"requests alone":        {hard: list{"requests.cpu": "4"}, requests: list{"cpu": "100m"}},
		"the short names":       {hard: list{"cpu": "4", "memory": "8Gi"}, requests: list{"cpu": "100m", "memory": "256Mi"}},
		"limits bring requests": {hard: list{"limits.memory": "8Gi"}, requests: list{"memory": "256Mi"}, limits: list{"memory": "2Gi"}},
		"never above the quota": {hard: list{"limits.memory": "128Mi"}, requests: list{"memory": "128Mi"}, limits: list{"memory": "128Mi"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := testkit.Profile("team-a")
			for resource, quantity := range tc.hard {
				b.Quota(resource, quantity)
			}
			profile := b.Obj()
			if got, want := needsDefaults(profile.Spec.ResourceQuotaSpec.Hard), len(tc.requests) > 0; got != want {
				t.Fatalf("needsDefaults = %v", got)
			}
			item := limitRange(profile).Spec.Limits[0]
			equal := cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
			if diff := cmp.Diff(parse(tc.requests), item.DefaultRequest, equal); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(parse(tc.limits), item.Default, equal); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
		})
	}
}

func parse(in map[corev1.ResourceName]string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for name, quantity := range in {
		out[name] = resource.MustParse(quantity)
	}
	return out
}

func unmarshal(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Fatal(err)
	}
}

// render writes a plan as the YAML documents that would be applied, then what
// would be removed. What all objects share is checked, and left out to be readable.
func render(t *testing.T, p plan) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, obj := range append(p.objects, p.tenancy.secret) {
		if metav1.GetControllerOf(obj) == nil || obj.GetLabels()[partOfLabel] != partOfProfile {
			t.Errorf("%s is not marked as the profile's", describe(t, obj))
		}
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			t.Fatal(err)
		}
		u := unstructured.Unstructured{Object: fields}
		u.SetGroupVersionKind(kind(t, obj))
		u.SetOwnerReferences(nil)
		delete(fields, "status")
		document, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(document)
	}
	for _, obj := range p.remove {
		out.WriteString("# removed: " + describe(t, obj) + "\n")
	}
	return out.Bytes()
}

func describe(t *testing.T, obj client.Object) string {
	t.Helper()
	return kind(t, obj).Kind + " " + obj.GetName()
}

func kind(t *testing.T, obj client.Object) schema.GroupVersionKind {
	t.Helper()
	gvk, err := apiutil.GVKForObject(obj, testkit.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	return gvk
}
