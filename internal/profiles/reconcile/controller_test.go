package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrl "sigs.k8s.io/controller-runtime/pkg/reconcile"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/profiles/reconcile"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
	"github.com/slipway-ml/slipway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestAProfileBecomesATenantWithAKeyThatWorks(t *testing.T) {
	s3 := testkit.ObjectStore(t)
	config := blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret}
	store, err := tenant.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	all, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, store)
	profile := e.create(testkit.Profile(testkit.Name(t)))
	e.reconcile(profile)
	e.wantCondition(profile, profilev1.Successful, "ready")
	e.wantEvents("Normal Successful")

	secret := get(e, &corev1.Secret{}, profile.Name, "mlpipeline-minio-artifact")
	files, err := blob.Open(blob.Config{
		Endpoint: s3.Endpoint, AccessKey: string(secret.Data["accesskey"]), SecretKey: string(secret.Data["secretkey"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := files.PutBytes(t.Context(), profile.Name, "hello", []byte("world")); err != nil {
		t.Error(err)
	}

	t.Run("again changes nothing and tells nothing", func(t *testing.T) {
		before := e.versions(profile.Name)
		e.reconcile(profile)
		if diff := cmp.Diff(before, e.versions(profile.Name)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		e.wantEvents()
	})
	t.Run("what somebody takes away or spoils is put back", func(t *testing.T) {
		e.must(e.admin.Delete(t.Context(), get(e, &networkingv1.NetworkPolicy{}, profile.Name, "profile-isolation")))
		e.must(e.admin.Delete(t.Context(), get(e, &rbacv1.RoleBinding{}, profile.Name, "default-editor")))
		secret.Data["secretkey"] = []byte("guessed")
		e.must(e.admin.Update(t.Context(), secret))
		e.reconcile(profile)
		get(e, &networkingv1.NetworkPolicy{}, profile.Name, "profile-isolation")
		get(e, &rbacv1.RoleBinding{}, profile.Name, "default-editor")
		secret := get(e, &corev1.Secret{}, profile.Name, "mlpipeline-minio-artifact")
		key := tenant.Key{Access: string(secret.Data["accesskey"]), Secret: string(secret.Data["secretkey"])}
		if works, err := store.Works(t.Context(), profile.Name, key); !works || err != nil {
			t.Errorf("the key that was put back does not work: %v", err)
		}
	})
	t.Run("deleted, it takes its bucket with it, after its namespace", func(t *testing.T) {
		e.must(e.admin.Delete(t.Context(), profile))
		e.reconcile(profile)
		e.wantCondition(profile, profilev1.Unknown, "left: namespace "+profile.Name)
		if _, err := all.Stat(t.Context(), profile.Name, "hello"); err != nil {
			t.Errorf("the bucket went before the namespace: %v", err)
		}
		e.endNamespace(profile.Name)
		e.reconcile(profile)
		e.wantGone(profile)
		if _, err := all.Stat(t.Context(), profile.Name, "hello"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("the data is still there: %v", err)
		}
	})
}

func TestAStepThatAsksForNothingFitsAQuota(t *testing.T) {
	e := start(t, &fakeTenants{})
	profile := e.create(testkit.Profile(testkit.Name(t)).Quota("requests.cpu", "4").Quota("limits.memory", "8Gi"))
	e.reconcile(profile)
	get(e, &corev1.ResourceQuota{}, profile.Name, "kf-resource-quota")

	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "python:3.11"}}}}
	pod.Namespace, pod.Name = profile.Name, "step"
	e.must(e.admin.Create(t.Context(), pod))
	asks := pod.Spec.Containers[0].Resources
	if asks.Requests.Cpu().IsZero() || asks.Limits.Memory().IsZero() {
		t.Errorf("the quota would refuse the step: %+v", asks)
	}

	profile = e.read(profile)
	profile.Spec.ResourceQuotaSpec = corev1.ResourceQuotaSpec{}
	e.must(e.admin.Update(t.Context(), profile))
	e.reconcile(profile)
	for name, obj := range map[string]client.Object{"kf-resource-quota": &corev1.ResourceQuota{}, "kf-resource-defaults": &corev1.LimitRange{}} {
		if err := e.admin.Get(t.Context(), types.NamespacedName{Namespace: profile.Name, Name: name}, obj); !apierrors.IsNotFound(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestANamespaceOfSomebodyElse(t *testing.T) {
	e := start(t, &fakeTenants{})
	name := testkit.Name(t)
	namespace := &corev1.Namespace{}
	namespace.Name = name
	namespace.Annotations = map[string]string{"owner": "eve@example.com"}
	e.must(e.admin.Create(t.Context(), namespace))
	profile := e.create(testkit.Profile(name))
	e.reconcile(profile)
	e.wantCondition(profile, profilev1.Failed, "namespace already exist, but not owned by profile creator")
	e.wantEvents("Warning Failed")

	namespace.Annotations["owner"] = profile.Spec.Owner.Name
	e.must(e.admin.Update(t.Context(), namespace))
	e.reconcile(profile)
	e.wantCondition(profile, profilev1.Successful, "")
}

func TestAProfileMovesToItsNewOwner(t *testing.T) {
	e := start(t, &fakeTenants{})
	profile := e.create(testkit.Profile(testkit.Name(t)))
	e.reconcile(profile)
	profile = e.read(profile)
	profile.Spec.Owner = rbacv1.Subject{Kind: rbacv1.GroupKind, Name: "research"}
	e.must(e.admin.Update(t.Context(), profile))
	e.reconcile(profile)
	want := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "research"}}
	if diff := cmp.Diff(want, get(e, &rbacv1.RoleBinding{}, profile.Name, "namespaceAdmin").Subjects); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

func TestAStoreThatFails(t *testing.T) {
	tenants := &fakeTenants{err: errors.New("connection refused")}
	e := start(t, tenants)
	profile := e.create(testkit.Profile(testkit.Name(t)))
	if _, err := e.reconciler.Reconcile(t.Context(), request(profile)); !errors.Is(err, tenants.err) {
		t.Errorf("Reconcile = %v: it would not be tried again", err)
	}
	e.wantCondition(profile, profilev1.Unknown, "connection refused")
	get(e, &corev1.ServiceAccount{}, profile.Name, "default-editor")

	tenants.err = tenant.ErrTaken
	e.reconcile(profile)
	e.wantCondition(profile, profilev1.Failed, "belongs to somebody else")
	tenants.err = nil
	e.reconcile(profile)
	e.wantCondition(profile, profilev1.Successful, "")
	e.wantEvents("Warning Unknown", "Warning Failed", "Normal Successful")
}

func TestADeletionThatDoesNotEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*environment, *fakeTenants, *profilev1.Profile)
		left    string
	}{
		"the namespace hangs": {func(*environment, *fakeTenants, *profilev1.Profile) {}, "namespace"},
		"the store fails": {func(e *environment, tenants *fakeTenants, profile *profilev1.Profile) {
			e.endNamespace(profile.Name)
			tenants.err = errors.New("connection refused")
		}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			tenants := &fakeTenants{}
			e := start(t, tenants)
			profile := e.create(testkit.Profile(testkit.Name(t)))
			e.reconcile(profile)
			e.must(e.admin.Delete(t.Context(), profile))
			e.reconcile(profile)
			tc.prepare(e, tenants, profile)

			e.clock.Step(9 * time.Minute)
			if _, err := e.reconciler.Reconcile(t.Context(), request(profile)); !errors.Is(err, tenants.err) {
				t.Fatalf("Reconcile = %v", err)
			}
			e.wantCondition(profile, profilev1.Unknown, tc.left)
			e.wantEvents("Normal Successful")

			e.clock.Step(2 * time.Minute)
			e.reconcile(profile)
			e.wantGone(profile)
			e.wantEvents("Warning LeftBehind not all could be deleted within 10m0s: " + tc.left)
		})
	}
}

func TestTheSchemaRefusesWhatCanNeverWork(t *testing.T) {
	e := start(t, &fakeTenants{})
	for name, tc := range map[string]struct {
		profile *testkit.ProfileBuilder
		want    string
	}{
		"a name with a dot":          {testkit.Profile("team.a"), "lower-case letters"},
		"a name too short for S3":    {testkit.Profile("ab"), "3 to 63"},
		"a name too long":            {testkit.Profile(strings.Repeat("a", 64)), "3 to 63"},
		"the platform's namespace":   {testkit.Profile("kubeflow-system"), "belongs to the platform"},
		"Kubernetes' own namespaces": {testkit.Profile("kube-public"), "belongs to the platform"},
		"an owner of unknown kind":   {testkit.Profile("team-a").Owner("Robot", "r2"), "User, Group or ServiceAccount"},
		"an owner without a name":    {testkit.Profile("team-a").Owner("User", ""), "1 to 253"},
		"Kubernetes as an owner":     {testkit.Profile("team-a").Owner("Group", "system:masters"), "system:"},
		"an account without a home":  {testkit.Profile("team-a").Owner("ServiceAccount", "robot"), "namespace is required"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.admin.Create(t.Context(), tc.profile.Obj())
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("create = %v, want invalid: %s", err, tc.want)
			}
		})
	}
}

// environment is a Reconciler that acts as the server's ServiceAccount, with no
// rights but those in manifests/, and an administrator who looks at what it did.
type environment struct {
	t          *testing.T
	admin      client.Client
	reconciler *reconcile.Reconciler
	clock      *testkit.Clock
	recorder   *events.FakeRecorder
}

func start(t *testing.T, tenants reconcile.Tenants) *environment {
	t.Helper()
	e := &environment{t: t, admin: testkit.Client(t), clock: testkit.NewClock(time.Now()), recorder: events.NewFakeRecorder(20)}
	config := testkit.APIServer(t)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:kubeflow:slipway"}
	server, err := client.New(config, client.Options{Scheme: testkit.Scheme()})
	e.must(err)
	e.reconciler = reconcile.New(server, server, e.recorder, reconcile.Options{
		Tenants: tenants, S3Endpoint: "http://10.1.0.1:9000", S3Region: "us-east-1",
		TrustBundle: []byte("bundle"), NodeCIDRs: []string{"10.1.0.1/32"}, Now: e.clock.Now,
	})
	return e
}

func request(profile *profilev1.Profile) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Name: profile.Name}}
}

func (e *environment) create(b *testkit.ProfileBuilder) *profilev1.Profile {
	e.t.Helper()
	profile := b.Obj()
	e.must(e.admin.Create(e.t.Context(), profile))
	return profile
}

func (e *environment) reconcile(profile *profilev1.Profile) {
	e.t.Helper()
	_, err := e.reconciler.Reconcile(e.t.Context(), request(profile))
	e.must(err)
}

func (e *environment) read(profile *profilev1.Profile) *profilev1.Profile {
	e.t.Helper()
	return get(e, &profilev1.Profile{}, "", profile.Name)
}

func (e *environment) wantCondition(profile *profilev1.Profile, state profilev1.ConditionType, says string) {
	e.t.Helper()
	status := e.read(profile).Status
	if len(status.Conditions) != 1 || status.Conditions[0].Type != state || status.Conditions[0].Status != "True" ||
		!strings.Contains(status.Conditions[0].Message, says) {
		e.t.Errorf("status %+v, want %s: %s", status, state, says)
	}
}

func (e *environment) wantGone(profile *profilev1.Profile) {
	e.t.Helper()
	if err := e.admin.Get(e.t.Context(), client.ObjectKeyFromObject(profile), profile); !apierrors.IsNotFound(err) {
		e.t.Errorf("the profile is still there: %v", err)
	}
}

func (e *environment) drainEvents() (told []string) {
	for {
		select {
		case event := <-e.recorder.Events:
			told = append(told, event)
		default:
			return told
		}
	}
}

func (e *environment) wantEvents(beginnings ...string) {
	e.t.Helper()
	told := e.drainEvents()
	ok := len(told) == len(beginnings)
	for i := 0; ok && i < len(told); i++ {
		ok = strings.HasPrefix(told[i], beginnings[i])
	}
	if !ok {
		e.t.Errorf("events %q, want %q", told, beginnings)
	}
}

// versions of all that the profile made, by kind and name.
func (e *environment) versions(namespace string) map[string]string {
	e.t.Helper()
	versions := map[string]string{}
	note := func(kind string, obj client.Object) { versions[kind+" "+obj.GetName()] = obj.GetResourceVersion() }
	var accounts corev1.ServiceAccountList
	var configs corev1.ConfigMapList
	var secrets corev1.SecretList
	var bindings rbacv1.RoleBindingList
	var policies networkingv1.NetworkPolicyList
	for _, list := range []client.ObjectList{&accounts, &configs, &secrets, &bindings, &policies} {
		e.must(e.admin.List(e.t.Context(), list, client.InNamespace(namespace)))
	}
	for i := range accounts.Items {
		note("ServiceAccount", &accounts.Items[i])
	}
	for i := range configs.Items {
		note("ConfigMap", &configs.Items[i])
	}
	for i := range secrets.Items {
		note("Secret", &secrets.Items[i])
	}
	for i := range bindings.Items {
		note("RoleBinding", &bindings.Items[i])
	}
	for i := range policies.Items {
		note("NetworkPolicy", &policies.Items[i])
	}
	note("Profile", get(e, &profilev1.Profile{}, "", namespace))
	return versions
}

// endNamespace does what the namespace controller, which the API server of tests
// lacks, does once a namespace is empty.
func (e *environment) endNamespace(name string) {
	e.t.Helper()
	namespace := get(e, &corev1.Namespace{}, "", name)
	namespace.Spec.Finalizers = nil
	e.must(e.admin.SubResource("finalize").Update(e.t.Context(), namespace))
}

func (e *environment) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func get[T client.Object](e *environment, obj T, namespace, name string) T {
	e.t.Helper()
	if err := e.admin.Get(e.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, obj); err != nil {
		e.t.Fatal(err)
	}
	return obj
}

// fakeTenants is a store that fails when told to.
type fakeTenants struct{ err error }

func (f *fakeTenants) Works(context.Context, string, tenant.Key) (bool, error) {
	return f.err == nil, nil
}
func (f *fakeTenants) Ensure(context.Context, string, tenant.Key) error { return f.err }
func (f *fakeTenants) Remove(context.Context, string, string) error     { return f.err }
