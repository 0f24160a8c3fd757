package ir_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/ir"
)

// small is a pipeline in which each test changes one thing.
const small = `pipelineInfo:
  name: small
schemaVersion: 2.1.0
components:
  comp-a:
    executorLabel: exec-a
    inputDefinitions:
      parameters:
        x: {parameterType: NUMBER_INTEGER}
        mode: {parameterType: STRING, isOptional: true, literals: [fast, slow]}
    outputDefinitions:
      parameters:
        y: {parameterType: STRING}
deploymentSpec:
  executors:
    exec-a:
      container: {image: busybox}
root:
  inputDefinitions:
    parameters:
      n: {parameterType: NUMBER_INTEGER}
      mode: {parameterType: STRING, isOptional: true, literals: [fast, slow]}
      maybe: {parameterType: STRUCT, isOptional: true}
  dag:
    tasks:
      first:
        componentRef: {name: comp-a}
        inputs:
          parameters:
            x: {componentInputParameter: n}
      second:
        componentRef: {name: comp-a}
        dependentTasks: [first]
        inputs:
          parameters:
            x: {runtimeValue: {constant: 3.0}}
`

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct{ old, new, want string }{
		"an unknown field": {
			"schemaVersion: 2.1.0", "schemaVersion: 2.1.0\ntaste: sweet",
			"taste (line 4, column 1): unknown field",
		},
		"an unknown field deep inside": {
			"{image: busybox}", "{image: busybox, volumes: []}",
			"deploymentSpec.executors[exec-a].container.volumes (line 17, column 35): unknown field",
		},
		"an unknown schema version": {
			"schemaVersion: 2.1.0", "schemaVersion: 9.9.9",
			`schemaVersion (line 3, column 16): unknown version "9.9.9"; known are 2.0.0, 2.1.0, 2.1.1`,
		},
		"a name that is none": {
			"name: small", "name: Small One",
			`pipelineInfo.name (line 2, column 9): "Small One" must match`,
		},
		"a missing name": {"name: small", "description: small", "pipelineInfo.name (line 2, column 3): is missing"},
		"a missing component": {
			"second:\n        componentRef: {name: comp-a}", "second:\n        componentRef: {name: comp-b}",
			`root.dag.tasks[second].componentRef.name (line 32, column 30): there is no component "comp-b"`,
		},
		"a missing executor": {
			"executorLabel: exec-a", "executorLabel: exec-b",
			`components[comp-a].executorLabel (line 6, column 20): there is no executor "exec-b"`,
		},
		"a circle": {
			"x: {componentInputParameter: n}", "x: {componentInputParameter: n}\n        dependentTasks: [second]",
			"root.dag.tasks[first] (line 27, column 9): the tasks of this dag wait for each other in a circle",
		},
		"a task that waits for itself": {
			"[first]", "[second]", "root.dag.tasks[second].dependentTasks[0] (line 33, column 26): the task waits for itself",
		},
		"a constant of another type": {
			"constant: 3.0", "constant: three",
			`root.dag.tasks[second].inputs.parameters[x].runtimeValue.constant (line 36, column 42): must be an integer (NUMBER_INTEGER), got a string: "three"`,
		},
		"a missing input": {
			"            x: {runtimeValue: {constant: 3.0}}", "            mode: {runtimeValue: {constant: fast}}",
			`root.dag.tasks[second].inputs (line 35, column 11): the input parameter "x" of component "comp-a" is missing`,
		},
		"an output that is not there": {
			"x: {runtimeValue: {constant: 3.0}}", "x: {taskOutputParameter: {producerTask: first, outputParameterKey: z}}",
			`task "first" has no output parameter "z"`,
		},
		"an input of the enclosing component that is not there": {
			"{componentInputParameter: n}", "{componentInputParameter: m}",
			`root.dag.tasks[first].inputs.parameters[x].componentInputParameter (line 30, column 42): the enclosing component has no input parameter "m"`,
		},
		"a component in itself": {
			"executorLabel: exec-a\n", "dag: {tasks: {again: {componentRef: {name: comp-a}, inputs: {parameters: {x: {componentInputParameter: x}}}}}}\n",
			`component "comp-a" contains itself`,
		},
		"a wrong type of a field":  {"image: busybox", "image: [busybox]", "deploymentSpec.executors[exec-a].container.image (line 17, column 26): must be a string"},
		"an unknown parameterType": {"x: {parameterType: NUMBER_INTEGER}", "x: {parameterType: COLOUR}", `unknown type "COLOUR"`},
		"unreadable YAML":          {"root:", "root: [", "unreadable YAML: line 1"},
		"a key twice":              {"schemaVersion: 2.1.0", "schemaVersion: 2.1.0\nschemaVersion: 2.1.0", `line 4, column 1: key "schemaVersion" appears twice`},
		"two pipelines":            {"root:", "root: {dag: {}}\n---\nroot:", "more than one pipeline spec"},
		"an Argo workflow": {
			"pipelineInfo:\n  name: small", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow",
			"this is a Kubernetes object (argoproj.io/v1alpha1)",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(small, tt.old, tt.new, 1)
			if text == small {
				t.Fatal("the test changes nothing")
			}
			_, err := ir.Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestParseRefusesWhatIsNoPipeline(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "a word": "hello", "a list": "- a", "a picture": "\x89PNG\r\n\x1a\n", "an empty object": "{}",
		"JSON cut short": `{"pipelineInfo":{"name":"a"}`, "aliases without end": "a: &a [*a]",
	} {
		t.Run(name, func(t *testing.T) {
			if spec, err := ir.Parse([]byte(text)); err == nil {
				t.Errorf("was accepted: %+v", spec)
			}
		})
	}
}

func TestParseReadsEveryForm(t *testing.T) {
	want, err := ir.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	platform := "\n---\nplatforms:\n  kubernetes:\n    deploymentSpec:\n      executors:\n        exec-a: {}\n"
	both, err := ir.Parse([]byte(small + platform))
	if err != nil {
		t.Fatal(err)
	}
	bare := string(want.JSON())
	tests := map[string]struct {
		text string
		want *ir.Spec
	}{
		"bare JSON":                       {bare, want},
		"nested JSON":                     {`{"pipeline_spec":` + bare + `}`, want},
		"nested JSON, camelCase":          {`{"pipelineSpec":` + bare + `,"platformSpec":null}`, want},
		"nested JSON with a platform":     {string(both.JSON()), both},
		"YAML in snake_case":              {strings.NewReplacer("pipelineInfo", "pipeline_info", "componentRef", "component_ref").Replace(small), want},
		"YAML with empty documents":       {"---\n" + small + "---\n", want},
		"YAML with a platform, stored":    {small + platform, both},
		"YAML with the platform in front": {strings.TrimPrefix(platform, "\n") + "---\n" + small, both},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ir.Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckParameters(t *testing.T) {
	spec, err := ir.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		params map[string]string
		want   string
	}{
		"all is well":             {map[string]string{"n": "3.0", "mode": `"fast"`}, ""},
		"null for an optional":    {map[string]string{"n": "3", "maybe": "null"}, ""},
		"a missing one":           {nil, "runtime_config.parameters[n]: is missing: the pipeline needs it and it has no default"},
		"null for a required one": {map[string]string{"n": "null"}, "runtime_config.parameters[n]: must not be null"},
		"one that is not there":   {map[string]string{"n": "3", "m": "1"}, "runtime_config.parameters[m]: the pipeline has no such parameter; it has maybe, mode, n"},
		"a string for a number":   {map[string]string{"n": `"3"`}, `runtime_config.parameters[n]: must be an integer (NUMBER_INTEGER), got a string: "3"`},
		"a number for a string":   {map[string]string{"n": "3", "mode": "1"}, "runtime_config.parameters[mode]: must be a string (STRING), got a number: 1"},
		"none of the literals":    {map[string]string{"n": "3", "mode": `"warp"`}, `runtime_config.parameters[mode]: must be one of "fast", "slow", got "warp"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			params := map[string]artifact.Value{}
			for k, v := range tt.params {
				params[k] = artifact.Value(v)
			}
			got := ""
			if err := ir.CheckParameters(spec, params); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"pipeline_spec":{"pipelineInfo":{"name":"a"},"schemaVersion":"2.1.0","root":{"dag":{}}},"platform_spec":{"platforms":{"kubernetes":{}}}}`))
	f.Add([]byte("a: &a {b: *a}\n--- \n? [x]\n: y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := ir.Parse(data)
		if err != nil {
			return
		}
		again, err := ir.Parse(spec.JSON())
		if err != nil {
			t.Fatalf("the stored form does not parse: %v\n%s", err, spec.JSON())
		}
		if string(again.JSON()) != string(spec.JSON()) {
			t.Fatalf("stored forms differ:\n%s\n%s", spec.JSON(), again.JSON())
		}
	})
}
