package podspec

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// scratch are the folders at fixed places that a step must be able to write
// whoever its image's user is: where artifacts lie (the SDK derives the same
// paths by itself; s3:// and minio:// are one store) and where pip and other tools
// keep their files. Each volume costs a pod about 20 ms of CPU, so that several
// places share one.
var scratch = []struct {
	name   string
	places []string
}{
	{"artifacts", []string{"/s3", "/minio", "/gcs"}},
	{"home", []string{"/.local", "/.cache", "/.config"}},
}

func addScratch(spec *corev1.PodSpec) {
	main := &spec.Containers[0]
	for _, v := range scratch {
		spec.Volumes = append(spec.Volumes, emptyDir(v.name))
		for _, place := range v.places {
			main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: v.name, MountPath: place})
		}
	}
}

// addAgent puts the agent's program at /slipway: as a mounted image, or copied by
// an init container where the cluster cannot mount images.
func addAgent(spec *corev1.PodSpec, s Settings) {
	main := &spec.Containers[0]
	if s.ImageVolumes {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: agentMount, VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: s.AgentImage, PullPolicy: corev1.PullIfNotPresent},
		}})
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: agentMount, MountPath: agentDir, ReadOnly: true})
		return
	}
	mount := corev1.VolumeMount{Name: agentMount, MountPath: agentDir}
	spec.Volumes = append(spec.Volumes, emptyDir(agentMount))
	spec.InitContainers = append(spec.InitContainers, corev1.Container{
		Name:            "agent",
		Image:           s.AgentImage,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{agentName, "copy", agentDir + agentName},
		VolumeMounts:    []corev1.VolumeMount{mount},
	})
	mount.ReadOnly = true
	main.VolumeMounts = append(main.VolumeMounts, mount)
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

// resources sets what the step asks for and nothing else: the namespace's
// LimitRange gives the rest.
func resources(r plan.Resources) (corev1.ResourceRequirements, error) {
	var out corev1.ResourceRequirements
	for _, q := range []struct {
		word, text string
		list       *corev1.ResourceList
		name       corev1.ResourceName
	}{
		{"CPU request", r.CPURequest, &out.Requests, corev1.ResourceCPU},
		{"CPU limit", r.CPULimit, &out.Limits, corev1.ResourceCPU},
		{"memory request", r.MemoryRequest, &out.Requests, corev1.ResourceMemory},
		{"memory limit", r.MemoryLimit, &out.Limits, corev1.ResourceMemory},
		{"accelerator count", r.AcceleratorCount, &out.Limits, corev1.ResourceName(r.AcceleratorType)},
	} {
		if q.text == "" || q.text == "0" {
			continue
		}
		quantity, err := resource.ParseQuantity(q.text)
		if err != nil {
			return out, fmt.Errorf("the %s %q is no quantity such as 500m or 2Gi", q.word, q.text)
		}
		if *q.list == nil {
			*q.list = corev1.ResourceList{}
		}
		(*q.list)[q.name] = quantity
	}
	return out, nil
}
