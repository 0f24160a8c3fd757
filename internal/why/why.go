// Package why turns what Kubernetes says about a pod into a sentence for the
// person who waits for it, with a remedy, and says how long waiting makes sense.
//
// It is pure: pods, events and API errors in, sentences out.
package why

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Patience with what keeps a pod from running. Forever: it may end by itself.
const (
	Never        time.Duration = 0 // it cannot change any more
	notFound                   = 20 * time.Second
	unreachable                = 2 * time.Minute
	missing                    = 5 * time.Minute
	Forever      time.Duration = 1<<63 - 1
	sandboxTries               = 10 * time.Minute
)

// Reason says why a pod does not run.
type Reason struct {
	Text string // a sentence with its remedy
	// Patience is how long it makes sense to wait for a change.
	Patience time.Duration
}

// Pending explains a pod whose containers do not run yet. ok is false when nothing
// is wrong. events are those of the pod; they are needed only where its status
// says no more than that its containers are being made.
func Pending(pod *corev1.Pod, events []corev1.Event) (r Reason, ok bool) {
	if r, ok := unscheduled(pod); ok {
		return r, true
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if s.State.Waiting != nil {
			if r, ok := waiting(pod, s); ok {
				return r, true
			}
		}
	}
	return fromEvents(pod, events)
}

// NeedsEvents reports whether the pod's status is silent about why its containers
// are not made: volumes and the sandbox are told about in events alone.
func NeedsEvents(pod *corev1.Pod) bool {
	if !Scheduled(pod) || pod.Status.Phase != corev1.PodPending {
		return false
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if s.State.Waiting != nil && s.State.Waiting.Reason != "ContainerCreating" && s.State.Waiting.Reason != "PodInitializing" {
			return false
		}
	}
	return true
}

// Scheduled reports whether the pod has a node.
func Scheduled(pod *corev1.Pod) bool { return pod.Spec.NodeName != "" }

func unscheduled(pod *corev1.Pod) (Reason, bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		if c.Reason == corev1.PodReasonSchedulingGated {
			return Reason{"the pod waits for a scheduling gate to be removed", Forever}, true
		}
		if c.Message == "" {
			return Reason{}, false
		}
		message, _, _ := strings.Cut(c.Message, " preemption:")
		text := "no node can take the step now: " + sentence(message)
		if asks := requests(pod); asks != "" {
			text += " (it asks for " + asks + ")"
		}
		return Reason{text + "; it starts when there is room: ask for less, or add nodes", Forever}, true
	}
	return Reason{}, false
}

// requests lists what the pod's containers ask for.
func requests(pod *corev1.Pod) string {
	var parts []string
	for _, c := range pod.Spec.Containers {
		for name, q := range c.Resources.Requests {
			parts = append(parts, fmt.Sprintf("%s %s", q.String(), name))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func waiting(pod *corev1.Pod, s corev1.ContainerStatus) (Reason, bool) {
	w := s.State.Waiting
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable":
		return image(s.Image, w.Message), true
	case "InvalidImageName":
		return Reason{fmt.Sprintf("%q is no name of an image: use registry/name:tag", s.Image), Never}, true
	case "ErrImageNeverPull":
		return Reason{fmt.Sprintf("image %s is not on the node and its pull policy is Never: use IfNotPresent, or load it first", s.Image), Never}, true
	case "CreateContainerConfigError":
		return containerConfig(pod, w.Message), true
	case "CreateContainerError", "RunContainerError", "CrashLoopBackOff":
		return Reason{"the container cannot be made: " + sentence(w.Message), notFound}, true
	}
	return Reason{}, false
}

var imageName = regexp.MustCompile(`image "([^"]+)"`)

// image explains a failed pull. The runtime's message names the image, which may
// be that of a volume instead of the container's. The kubelet reports a failing
// pull and the pause after it in turns: both give the same sentence.
func image(name, message string) Reason {
	if m := imageName.FindStringSubmatch(message); m != nil && !strings.HasSuffix("/"+m[1], "/"+name) {
		name = m[1]
	}
	lower := strings.ToLower(message)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	const remedy = "check its name, or provide it with `slipway image load` or `slipway image push`"
	switch {
	case has("no space left"):
		return Reason{fmt.Sprintf("image %s cannot be stored: the node's disk is full; free some space", name), Forever}
	case has("no such host", "timeout", "connection refused", "network is unreachable", "deadline exceeded",
		"tls:", "x509:", "connection reset", "eof", "server misbehaving", "503", "502"):
		return Reason{fmt.Sprintf("image %s cannot be pulled: its registry does not answer (%s); %s", name, cause(message), remedy), unreachable}
	case has("unauthorized", "denied", "authorization", "403", "401"):
		return Reason{fmt.Sprintf("image %s cannot be pulled: it does not exist, or its registry wants a login; %s", name, remedy), notFound}
	case has("no match for platform"):
		return Reason{fmt.Sprintf("image %s is not made for this machine's architecture; build it for that", name), notFound}
	case has("not found", "manifest unknown", "does not exist"):
		return Reason{fmt.Sprintf("image %s was not found in any registry that answers; %s", name, remedy), notFound}
	case message == "" || strings.HasPrefix(message, "Back-off pulling image") && !strings.Contains(message, ": "):
		return Reason{fmt.Sprintf("image %s cannot be pulled; %s", name, remedy), unreachable}
	}
	return Reason{fmt.Sprintf("image %s cannot be pulled: %s; %s", name, cause(message), remedy), unreachable}
}

// cause is the last part of a chain of errors.
func cause(message string) string {
	parts := strings.Split(strings.TrimSpace(message), ": ")
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return strings.Join(parts, ": ")
}

var (
	absent    = regexp.MustCompile(`(?i)(secret|configmap)s? "([^"]+)" not found`)
	absentKey = regexp.MustCompile(`couldn't find key (\S+) in (Secret|ConfigMap) (\S+)`)
)

// containerConfig explains what a container's definition refers to and is not there.
func containerConfig(pod *corev1.Pod, message string) Reason {
	if r, ok := absentObject(pod, message); ok {
		return r
	}
	if strings.Contains(message, "runAsNonRoot") {
		return Reason{"the image runs as root, which the step's security settings forbid: use an image with another user", notFound}
	}
	return Reason{"the container cannot be made: " + sentence(message), missing}
}

func absentObject(pod *corev1.Pod, message string) (Reason, bool) {
	if m := absentKey.FindStringSubmatch(message); m != nil {
		return Reason{fmt.Sprintf("%s %s has no key %s: add it", m[2], m[3], m[1]), missing}, true
	}
	if m := absent.FindStringSubmatch(message); m != nil {
		kind := map[string]string{"secret": "Secret", "configmap": "ConfigMap"}[strings.ToLower(m[1])]
		return Reason{fmt.Sprintf("%s %s does not exist in namespace %s: create it", kind, m[2], pod.Namespace), missing}, true
	}
	return Reason{}, false
}

// fromEvents looks at the latest warning about volumes or the sandbox.
func fromEvents(pod *corev1.Pod, events []corev1.Event) (Reason, bool) {
	warnings := slices.DeleteFunc(slices.Clone(events), func(e corev1.Event) bool { return e.Type != corev1.EventTypeWarning })
	slices.SortStableFunc(warnings, func(a, b corev1.Event) int { return cmp.Compare(at(b), at(a)) })
	for _, e := range warnings {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume":
			if r, ok := absentObject(pod, e.Message); ok {
				return r, true
			}
			return Reason{"a volume cannot be mounted: " + sentence(e.Message), missing}, true
		case "FailedCreatePodSandBox":
			return Reason{"the node cannot make the pod's sandbox: " + sentence(cause(e.Message)), sandboxTries}, true
		case "Failed", "FailedToRetrieveImagePullSecret":
			if strings.Contains(e.Message, "image") {
				return image("", e.Message), true
			}
		}
	}
	return Reason{}, false
}

func at(e corev1.Event) int64 {
	if !e.EventTime.IsZero() {
		return e.EventTime.UnixMicro()
	}
	return e.LastTimestamp.UnixMicro()
}

// sentence makes a component's message fit into a sentence of ours: one line, no
// full stop, of bearable length.
func sentence(message string) string {
	s := strings.Join(strings.Fields(message), " ")
	s = strings.TrimRight(s, ".")
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "..."
	}
	return s
}
