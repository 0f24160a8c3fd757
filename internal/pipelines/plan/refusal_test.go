package plan_test

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

func TestCompileRefusesByName(t *testing.T) {
	data, err := os.ReadFile("testdata/chain.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ old, new, want string }{
		"a Kubernetes feature": {
			"sdkVersion:", "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-produce: {tolerations: []}}}}}\n#",
			"platforms[kubernetes].deploymentSpec.executors[exec-produce].tolerations: the Kubernetes feature tolerations is not supported yet",
		},
		"a setting of the whole pipeline": {
			"sdkVersion:", "---\nplatforms: {kubernetes: {pipelineConfig: {resourceTtlOnCompletion: 3}}}\n#",
			"platforms[kubernetes].pipelineConfig.resourceTtlOnCompletion: the Kubernetes feature resourceTtlOnCompletion is not supported yet",
		},
		"another platform": {"sdkVersion:", "---\nplatforms: {mars: {}}\n#", "platforms[mars]: the platform mars is not supported yet"},
		"a volume component": {
			"image: busybox", "image: argostub/createpvc",
			"deploymentSpec.executors[exec-consume].container.image: the volume component createpvc is not supported yet",
		},
		"an importer": {
			"      container:\n        args:\n        - '{{$.inputs.parameters[''text'']}}'\n        command:\n        - echo\n        image: busybox",
			"      importer: {artifactUri: {constant: 's3://b/k'}, typeSchema: {schemaTitle: system.Model}}",
			"deploymentSpec.executors[exec-consume].importer: dsl.importer is not supported yet",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(data), tt.old, tt.new, 1)
			spec, err := ir.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := plan.Compile(spec); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestAnEmptyPlatformSpecIsNothingToRefuse(t *testing.T) {
	data, err := os.ReadFile("testdata/chain.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ir.Parse(append(data, "\n---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-produce: {}}}}}\n"...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Compile(spec); err != nil {
		t.Error(err)
	}
}
