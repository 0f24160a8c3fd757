package why

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// End says why a pod ended without leaving a result.
type End struct {
	Text string // a sentence
	// Again says that the same may succeed when it is tried again: the fault was
	// not the pod's own.
	Again bool
}

// Ended explains a pod that is over, or gone (nil).
func Ended(pod *corev1.Pod) End {
	if pod == nil {
		return End{"the pod was deleted", true}
	}
	switch pod.Status.Reason {
	case "DeadlineExceeded":
		return End{"the step ran longer than its time limit", false}
	case "Evicted":
		return End{"the node evicted the pod: " + sentence(pod.Status.Message), true}
	case "NodeLost":
		return End{"the pod's node is gone", true}
	case "Preempting", "Terminated", "NodeShutdown", "NodeAffinity", "Shutdown":
		return End{"the node ended the pod: " + sentence(pod.Status.Message), true}
	case "UnexpectedAdmissionError", "OutOfcpu", "OutOfmemory", "OutOfpods":
		return End{"the node refused the pod: " + sentence(pod.Status.Message), true}
	}
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if t := s.State.Terminated; t != nil && (t.ExitCode != 0 || t.Reason == "OOMKilled") {
			return container(pod, s.Name, t)
		}
	}
	if pod.DeletionTimestamp != nil {
		return End{"the pod was deleted", true}
	}
	if pod.Status.Message != "" {
		return End{sentence(pod.Status.Message), true}
	}
	return End{"the pod ended without a result", true}
}

func container(pod *corev1.Pod, name string, t *corev1.ContainerStateTerminated) End {
	switch t.Reason {
	case "OOMKilled":
		text := "the step ran out of memory"
		for _, c := range pod.Spec.Containers {
			if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok && c.Name == name {
				text += fmt.Sprintf(" (its limit is %s)", limit.String())
			}
		}
		return End{text + ": raise its memory limit, or make it need less", false}
	case "StartError", "ContainerCannotRun":
		return End{"the container cannot be started: " + sentence(cause(t.Message)), true} // nothing of it ran
	}
	if pod.DeletionTimestamp != nil {
		return End{"the pod was deleted", true}
	}
	if message := strings.TrimSpace(t.Message); message != "" {
		return End{sentence(message), true}
	}
	return End{fmt.Sprintf("container %s was ended from outside (exit code %d)", name, t.ExitCode), true}
}
