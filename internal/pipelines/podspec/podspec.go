// Package podspec says what an attempt of a step becomes as a pod: the agent in
// the step's image, the attempt's spec in its environment, and what every pod of
// a user gets.
//
// It is pure: engine.Start and settings in, a pod out.
package podspec

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/engine"
	"github.com/slipway-ml/slipway/internal/userpod"
)

// Labels and the annotation of a step's pod.
const (
	LabelRun     = "pipelines.kubeflow.org/run-id"
	LabelTask    = "slipway.dev/task-id"
	LabelAttempt = "slipway.dev/attempt"
	// AnnotationPath is the task's path in its run, for people.
	AnnotationPath = "slipway.dev/task-path"
)

// MainContainer is the container of the step; its log is the step's.
const MainContainer = "main"

// DefaultServiceAccount is who a step is when its run names nobody.
const DefaultServiceAccount = "default-editor"

// grace is the time in seconds that a command has to end after SIGTERM.
const grace = 10

const (
	agentDir   = "/slipway"
	agentName  = "/slipway-agent"
	agentMount = "slipway-agent"
)

// Settings are those of the platform.
type Settings struct {
	// AgentImage holds the agent at /slipway-agent.
	AgentImage string
	// ImageVolumes says that the cluster mounts images; else an init container
	// copies the agent.
	ImageVolumes bool
	Pods         userpod.Settings
}

// Build makes the pod of an attempt. An error is a sentence for the user: the
// step can never start.
func Build(start engine.Start, run *pipelines.Run, s Settings) (*corev1.Pod, error) {
	c := start.Container
	if len(c.Command) == 0 {
		return nil, fmt.Errorf("step %s sets no command: give the component a command (the entrypoint of image %s is not looked up)",
			start.Task.Name, c.Image)
	}
	resources, err := resources(c.Resources)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", start.Task.Name, err)
	}
	main := corev1.Container{
		Name:            MainContainer,
		Image:           c.Image,
		ImagePullPolicy: corev1.PullPolicy(c.ImagePullPolicy),
		Command:         []string{agentDir + agentName, "step"},
		Env:             agentEnv(start, s),
		Resources:       resources,
	}
	zero, no := int64(grace), false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:        start.Attempt.PodName,
			Namespace:   run.Namespace,
			Labels:      labels(start),
			Annotations: map[string]string{AnnotationPath: start.Task.Path},
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: &zero,
			EnableServiceLinks:            &no,
			ServiceAccountName:            serviceAccount(run),
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{main},
		},
	}
	s.Pods.Apply(&pod.Spec, names(c.Env)...)
	addScratch(&pod.Spec)
	addAgent(&pod.Spec, s)
	return pod, nil
}

func labels(start engine.Start) map[string]string {
	return map[string]string{
		userpod.PartOf: userpod.PartOfUser,
		LabelRun:       start.Attempt.RunID,
		LabelTask:      start.Attempt.TaskID,
		LabelAttempt:   strconv.Itoa(start.Attempt.Number),
	}
}

func serviceAccount(run *pipelines.Run) string {
	if run.ServiceAccount != "" {
		return run.ServiceAccount
	}
	return DefaultServiceAccount
}

// Inline reports whether the attempt's spec travels in the pod. Else the caller
// puts it to the object store, as attempt.SpecName, before it makes the pod.
func Inline(input []byte) bool { return len(escape(input)) <= attempt.InlineLimit }

// escape keeps the kubelet from expanding $(NAME) in the spec.
func escape(input []byte) string { return strings.ReplaceAll(string(input), "$", "$$") }

// agentEnv are the agent's own variables, which the command does not see.
func agentEnv(start engine.Start, s Settings) []corev1.EnvVar {
	env := []corev1.EnvVar{
		{Name: attempt.EnvEndpoint, Value: s.Pods.S3Endpoint},
		{Name: attempt.EnvRegion, Value: s.Pods.S3Region},
		userpod.FromSecret(attempt.EnvAccessKey, userpod.KeySecret, userpod.KeySecretID),
		userpod.FromSecret(attempt.EnvSecretKey, userpod.KeySecret, userpod.KeySecretKey),
	}
	if Inline(start.Attempt.Input) {
		return append(env, corev1.EnvVar{Name: attempt.EnvSpec, Value: escape(start.Attempt.Input)})
	}
	object := fmt.Sprintf("s3://%s/%s/%s", start.Spec.Bucket, start.Spec.Prefix, attempt.SpecName)
	return append(env, corev1.EnvVar{Name: attempt.EnvSpecObject, Value: object})
}

func names(env []attempt.EnvVar) []string {
	var out []string
	for _, e := range env {
		out = append(out, e.Name)
	}
	return out
}
