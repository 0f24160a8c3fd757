package reconcile

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
	"github.com/slipway-ml/slipway/internal/userpod"
)

// Names that clients and other components know.
const (
	ownerAnnotation = "owner"
	partOfLabel     = "app.kubernetes.io/part-of"
	partOfProfile   = "kubeflow-profile"

	ownerBindingName  = "namespaceAdmin"
	adminRole         = "kubeflow-admin"
	networkPolicyName = "profile-isolation"
	launcherName      = "kfp-launcher"
)

// account is a ServiceAccount for pods, and the role that it has.
type account struct{ name, role string }

var (
	editor = account{name: "default-editor", role: "kubeflow-edit"}
	viewer = account{name: "default-viewer", role: "kubeflow-view"}
)

func namespace(profile *profilev1.Profile) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:        profile.Name,
		Annotations: map[string]string{ownerAnnotation: profile.Spec.Owner.Name},
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce":             "baseline",
			"pipelines.kubeflow.org/enabled":                 "true",
			"katib.kubeflow.org/metrics-collector-injection": "enabled",
			"serving.kubeflow.org/inferenceservice":          "enabled",
		},
	}}
}

func serviceAccount(profile *profilev1.Profile, a account) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: within(profile, a.name)}
}

func accountBinding(profile *profilev1.Profile, a account) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: within(profile, a.name),
		RoleRef:    clusterRole(a.role),
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: a.name, Namespace: profile.Name}},
	}
}

// ownerBinding carries annotations that KFAM's clients take for its database.
func ownerBinding(profile *profilev1.Profile) *rbacv1.RoleBinding {
	owner := profile.Spec.Owner
	if owner.APIGroup == "" && owner.Kind != rbacv1.ServiceAccountKind {
		owner.APIGroup = rbacv1.GroupName
	}
	meta := within(profile, ownerBindingName)
	meta.Annotations = map[string]string{"user": owner.Name, "role": "admin"}
	return &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: clusterRole(adminRole), Subjects: []rbacv1.Subject{owner}}
}

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

// networkPolicy lets in the tenant's own pods, the platform's namespaces and the
// nodes (probes, the API server's proxy). Egress needs no rule: other tenants'
// pods do not let it in.
func networkPolicy(profile *profilev1.Profile, nodeCIDRs []string) *networkingv1.NetworkPolicy {
	from := []networkingv1.NetworkPolicyPeer{
		{PodSelector: &metav1.LabelSelector{}},
		{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
			Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: []string{"kubeflow", "kubeflow-system"},
		}}}},
	}
	for _, cidr := range nodeCIDRs {
		from = append(from, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr}})
	}
	return &networkingv1.NetworkPolicy{
		ObjectMeta: within(profile, networkPolicyName),
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: from}},
		},
	}
}

// launcherConfig is where pipelines of this profile keep artifacts, in the form
// that KFP's launcher reads.
func launcherConfig(profile *profilev1.Profile, options Options) *corev1.ConfigMap {
	scheme, host, _ := strings.Cut(options.S3Endpoint, "://")
	return &corev1.ConfigMap{
		ObjectMeta: within(profile, launcherName),
		Data: map[string]string{
			"defaultPipelineRoot": "s3://" + options.bucket(profile) + "/v2/artifacts",
			"providers": fmt.Sprintf(providers, host, options.S3Region, scheme != "https",
				userpod.KeySecret, userpod.KeySecretID, userpod.KeySecretKey),
		},
	}
}

const providers = `s3:
  default:
    endpoint: %q
    region: %q
    disableSSL: %t
    forcePathStyle: true
    credentials:
      fromEnv: false
      secretRef:
        secretName: %s
        accessKeyKey: %s
        secretKeyKey: %s
`

func trustConfig(profile *profilev1.Profile, bundle []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: within(profile, userpod.TrustConfigMap),
		Data:       map[string]string{userpod.TrustKey: string(bundle)},
	}
}

func keySecret(profile *profilev1.Profile, key tenant.Key) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: within(profile, userpod.KeySecret),
		Data:       map[string][]byte{userpod.KeySecretID: []byte(key.Access), userpod.KeySecretKey: []byte(key.Secret)},
	}
}

// within names an object in the profile's namespace.
func within(profile *profilev1.Profile, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: profile.Name, Name: name}
}
