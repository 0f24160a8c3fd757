package agent

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

const exampleInput = `{"inputs":{"parameterValues":{"n":3.0,"flag":true,"list":[1,{"a":"b"}],"s":"it's \"x\"","null":null},
 "artifacts":{"data":{"artifacts":[{"uri":"s3://b/k/data","metadata":{"rows":10,"tag":"t"}}]},"none":{"artifacts":[]}}},
 "outputs":{"parameters":{"o":{"outputFile":"/tmp/kfp/outputs/o"}},"artifacts":{"m-1":{"artifacts":[{"uri":"minio://b/m"}]}},
 "outputFile":"/tmp/kfp_outputs/output_metadata.json"}}`

func TestArgs(t *testing.T) {
	tests := map[string]struct{ arg, want any }{
		"text without a placeholder":     {`{"a": 1}`, []string{`{"a": 1}`}},
		"the whole input":                {`--executor_input={{$}}`, []string{"--executor_input=" + exampleInput}},
		"a number is short":              {`{{$.inputs.parameters['n']}}`, []string{"3"}},
		"a boolean":                      {`{{$.inputs.parameters["flag"]}}`, []string{"true"}},
		"a list is compact":              {`{{$.inputs.parameters['list']}}`, []string{`[1,{"a":"b"}]`}},
		"a string as it is, inside text": {`<{{$.inputs.parameters['s']}}>`, []string{`<it's "x">`}},
		"null is empty":                  {`x{{$.inputs.parameters['null']}}`, []string{"x"}},
		"paths of artifacts":             {`{{$.inputs.artifacts['data'].path}}:{{$.outputs.artifacts['m-1'].path}}`, []string{"/s3/b/k/data:/minio/b/m"}},
		"uri and metadata":               {`{{$.inputs.artifacts['data'].uri}} {{$.inputs.artifacts['data'].metadata['rows']}} {{$.inputs.artifacts['data'].metadata['tag']}}`, []string{"s3://b/k/data 10 t"}},
		"all metadata":                   {`{{$.inputs.artifacts['data'].metadata}}`, []string{`{"rows":10,"tag":"t"}`}},
		"output files":                   {`{{$.outputs.parameters['o'].output_file}} {{$.outputs.output_file}}`, []string{"/tmp/kfp/outputs/o /tmp/kfp_outputs/output_metadata.json"}},
		"run-wide names":                 {`{{$.pipeline_job_name}}`, []string{"my run"}},
		"unknown names stay":             {`{{$.pipeline_google_cloud_project_id}} {{$.inputs.parameters['nope']}}`, []string{`{{$.pipeline_google_cloud_project_id}} {{$.inputs.parameters['nope']}}`}},
		"IfPresent with a value":         {`{"IfPresent": {"InputName": "n", "Then": ["--n", "{{$.inputs.parameters['n']}}"], "Else": ["--none"]}}`, []string{"--n", "3"}},
		"IfPresent of an artifact":       {`{"IfPresent": {"InputName": "data", "Then": "yes", "Else": "no"}}`, []string{"yes"}},
		"IfPresent without, with Else":   {`{"IfPresent": {"InputName": "nope", "Then": "yes", "Else": "no"}}`, []string{"no"}},
		"IfPresent without anything":     {`{"IfPresent": {"InputName": "none", "Then": "yes"}}`, []string(nil)},
		"null counts as absent":          {`{"IfPresent": {"InputName": "null", "Then": "yes", "Else": "no"}}`, []string{"no"}},
		"Concat":                         {`{"Concat": ["a-", "{{$.inputs.parameters['n']}}", {"IfPresent": {"InputName": "nope", "Then": "x"}}, "-z"]}`, []string{"a-3-z"}},
		"IfPresent around Concat":        {`{"IfPresent": {"InputName": "n", "Then": {"Concat": ["--n=", "{{$.inputs.parameters['n']}}"]}}}`, []string{"--n=3"}},
	}
	input, err := parseInput(json.RawMessage(exampleInput))
	if err != nil {
		t.Fatal(err)
	}
	r := resolver{
		spec:  &attempt.Spec{ExecutorInput: json.RawMessage(exampleInput), Placeholders: map[string]string{"pipeline_job_name": "my run"}},
		input: input,
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, any(r.args([]string{tc.arg.(string)}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
