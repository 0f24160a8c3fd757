package httpapi

import (
	"errors"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Profile on the wire. To create one, a name is enough: its owner is the caller.
type Profile struct {
	Name string `json:"name"`
	// Owner is an e-mail, a group, or <namespace>/<name> of a ServiceAccount, as
	// OwnerKind says: User (default), Group, ServiceAccount.
	Owner     string `json:"owner,omitempty"`
	OwnerKind string `json:"owner_kind,omitempty"`
	// Quota maps a resource to its hard limit: requests.cpu to "8".
	Quota map[string]string `json:"quota,omitempty"`
	// The rest is the server's to say. State: Successful, Failed, or Unknown while
	// the profile is being made.
	State     string    `json:"state,omitempty"`
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

func fromObject(p *profilev1.Profile) Profile {
	out := Profile{
		Name: p.Name, Owner: p.Spec.Owner.Name, OwnerKind: p.Spec.Owner.Kind,
		State: string(profilev1.Unknown), Message: "being made",
		CreatedAt: p.CreationTimestamp.UTC(),
	}
	if p.Spec.Owner.Kind == rbacv1.ServiceAccountKind {
		out.Owner = p.Spec.Owner.Namespace + "/" + p.Spec.Owner.Name
	}
	if n := len(p.Status.Conditions); n > 0 {
		out.State, out.Message = string(p.Status.Conditions[n-1].Type), p.Status.Conditions[n-1].Message
	}
	for name, quantity := range p.Spec.ResourceQuotaSpec.Hard {
		if out.Quota == nil {
			out.Quota = map[string]string{}
		}
		out.Quota[string(name)] = quantity.String()
	}
	return out
}

// toObject checks only what the API server cannot: the schema has the rest.
func (p Profile) toObject(caller string) (*profilev1.Profile, error) {
	owner := rbacv1.Subject{Kind: rbacv1.UserKind, Name: caller}
	if p.Owner != "" {
		owner.Name = p.Owner
	}
	if p.OwnerKind != "" {
		owner.Kind = p.OwnerKind
	}
	if owner.Kind == rbacv1.ServiceAccountKind {
		namespace, name, ok := strings.Cut(owner.Name, "/")
		if !ok {
			return nil, rest.Errorf(rest.InvalidArgument, "owner: a ServiceAccount is written <namespace>/<name>, not %s", owner.Name)
		}
		owner.Namespace, owner.Name = namespace, name
	} else {
		owner.APIGroup = rbacv1.GroupName
	}
	hard := corev1.ResourceList{}
	for name, text := range p.Quota {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, rest.Errorf(rest.InvalidArgument, "quota.%s: %q is no quantity, write for example 8, 500m or 16Gi", name, text)
		}
		hard[corev1.ResourceName(name)] = quantity
	}
	return &profilev1.Profile{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name},
		Spec:       profilev1.ProfileSpec{Owner: owner, ResourceQuotaSpec: corev1.ResourceQuotaSpec{Hard: hard}},
	}, nil
}

// valueShown is how Kubernetes begins: with the value, or only "object" for it.
var valueShown = regexp.MustCompile(`^Invalid value: (".*?": )?`)

// invalid is what the API server finds wrong with an object, in its schema's words.
func invalid(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return err.Error()
	}
	var reasons []string
	for _, cause := range status.Status().Details.Causes {
		reason := valueShown.ReplaceAllString(cause.Message, "")
		if field := strings.TrimPrefix(cause.Field, "spec."); field != "" && field != "<nil>" {
			reason = field + ": " + reason
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) == 0 {
		return err.Error()
	}
	return strings.Join(reasons, "; ")
}
