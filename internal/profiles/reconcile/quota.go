package reconcile

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	profilev1 "github.com/slipway-ml/slipway/api/profile/v1"
)

const (
	quotaName      = "kf-resource-quota"
	limitRangeName = "kf-resource-defaults"
)

// What a container that says nothing asks for, and may use, where a quota counts
// it. Small enough that a modest quota holds dozens of steps; a limit that holds a
// Python step with pandas.
var (
	defaultRequests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")}
	defaultLimits   = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("2Gi")}
)

// counted lists, for each resource that a quota admission plugin refuses a pod
// without, the names of the quotas that count it.
var counted = map[corev1.ResourceName]struct{ requests, limits []corev1.ResourceName }{
	corev1.ResourceCPU: {
		requests: []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceRequestsCPU},
		limits:   []corev1.ResourceName{corev1.ResourceLimitsCPU},
	},
	corev1.ResourceMemory: {
		requests: []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceRequestsMemory},
		limits:   []corev1.ResourceName{corev1.ResourceLimitsMemory},
	},
}

func quota(profile *profilev1.Profile) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{ObjectMeta: within(profile, quotaName), Spec: profile.Spec.ResourceQuotaSpec}
}

// limitRange gives defaults to containers that say nothing, because Kubernetes
// refuses a pod that leaves open what a quota counts. What no quota counts stays
// open: a default limit would only cap steps that need more.
func limitRange(profile *profilev1.Profile) *corev1.LimitRange {
	item := corev1.LimitRangeItem{
		Type:           corev1.LimitTypeContainer,
		DefaultRequest: corev1.ResourceList{},
		Default:        corev1.ResourceList{},
	}
	hard := profile.Spec.ResourceQuotaSpec.Hard
	for name, by := range counted {
		limit, limited := lowest(hard, by.limits, defaultLimits[name])
		if limited {
			item.Default[name] = limit
		}
		// Without a default request Kubernetes would take the limit for one.
		request, requested := lowest(hard, slices.Concat(by.requests, by.limits), defaultRequests[name])
		if requested {
			item.DefaultRequest[name] = request
		}
	}
	return &corev1.LimitRange{
		ObjectMeta: within(profile, limitRangeName),
		Spec:       corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}},
	}
}

// needsDefaults reports whether a quota counts what containers may leave open.
func needsDefaults(hard corev1.ResourceList) bool {
	for _, by := range counted {
		if _, ok := lowest(hard, slices.Concat(by.requests, by.limits), resource.Quantity{}); ok {
			return true
		}
	}
	return false
}

// lowest is the preferred value or, where that is more than one of the quotas has,
// the least of these; false where none of them is set.
func lowest(hard corev1.ResourceList, quotas []corev1.ResourceName, preferred resource.Quantity) (resource.Quantity, bool) {
	set := false
	for _, name := range quotas {
		if q, ok := hard[name]; ok {
			set = true
			if q.Cmp(preferred) < 0 {
				preferred = q
			}
		}
	}
	return preferred, set
}
