package why

import (
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	corev1 "k8s.io/api/core/v1"
)

// Refused explains an API server that does not take a pod. ok is false for errors
// that say nothing about the pod: the server is away, or busy.
func Refused(err error) (r Reason, ok bool) {
	message := err.Error()
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return Reason{"the profile is being deleted", Never}, true
	case apierrors.IsNotFound(err):
		return Reason{"the profile's namespace does not exist: " + sentence(message), notFound}, true
	case apierrors.IsInvalid(err):
		return Reason{"Kubernetes refuses the step's pod: " + sentence(message), Never}, true
	case !apierrors.IsForbidden(err):
		return Reason{}, false
	case strings.Contains(message, "exceeded quota"):
		return quota(message), true
	case strings.Contains(message, "service account"), strings.Contains(message, "serviceaccount"):
		return Reason{"the step's service account is missing: " + sentence(after(message, "forbidden: ")), notFound}, true
	case strings.Contains(message, "cannot create resource"):
		return Reason{"the server is not allowed to make pods here: " + sentence(message), missing}, true
	}
	return Reason{"the profile's rules forbid the step's pod: " + sentence(after(message, "forbidden: ")), Never}, true
}

var quotaParts = regexp.MustCompile(`requested: (.*), used: (.*), limited: (.*)$`)

// quota explains a used-up quota. One that is smaller than what the step asks for
// by itself never lets it in.
func quota(message string) Reason {
	m := quotaParts.FindStringSubmatch(message)
	if m == nil {
		return Reason{"the profile's quota is used up: " + sentence(message), Forever}
	}
	requested, limited := quantities(m[1]), quantities(m[3])
	for name, limit := range limited {
		if want, ok := requested[name]; ok && want.Cmp(limit) > 0 {
			return Reason{"the step asks for more than the profile's quota (" + name + " " + want.String() +
				" of " + limit.String() + "): ask for less, or have the quota raised", Never}
		}
	}
	return Reason{"the profile's quota is used up (requested " + m[1] + "; used " + m[2] + "; limited to " + m[3] +
		"): the step starts when others end, or have the quota raised", Forever}
}

func quantities(list string) map[string]resource.Quantity {
	out := map[string]resource.Quantity{}
	for _, item := range strings.Split(list, ",") {
		name, text, ok := strings.Cut(item, "=")
		if q, err := resource.ParseQuantity(text); ok && err == nil {
			out[name] = q
		}
	}
	return out
}

func after(s, mark string) string {
	if _, rest, ok := strings.Cut(s, mark); ok {
		return rest
	}
	return s
}
