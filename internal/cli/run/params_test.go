package run

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const typedSpec = `{"pipelineInfo":{"name":"p"},"root":{"inputDefinitions":{"parameters":{
	"n":{"parameterType":"NUMBER_INTEGER"},"f":{"parameterType":"NUMBER_DOUBLE"},"b":{"parameterType":"BOOLEAN"},
	"s":{"parameterType":"STRING"},"l":{"parameterType":"LIST"}}}}}`

func TestParametersAreTypedAsDeclared(t *testing.T) {
	for name, c := range map[string]struct {
		pairs []string
		want  map[string]string
		err   string
	}{
		"each type":                       {pairs: []string{"n=3", "f=0.5", "b=true", "s=3", `l=[1,"x"]`}, want: map[string]string{"n": "3", "f": "0.5", "b": "true", "s": `"3"`, "l": `[1,"x"]`}},
		"a text may hold an equals sign":  {pairs: []string{"s=a=b"}, want: map[string]string{"s": `"a=b"`}},
		"no value":                        {pairs: []string{"n"}, err: "want key=value"},
		"a wrong integer":                 {pairs: []string{"n=1.5"}, err: `"1.5" is no integer`},
		"a wrong boolean":                 {pairs: []string{"b=maybe"}, err: "neither true nor false"},
		"a list that is no JSON":          {pairs: []string{"l=a,b"}, err: "as JSON"},
		"a name that does not exist says": {pairs: []string{"x=1"}, err: "it has: b, f, l, n, s"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := head(json.RawMessage(typedSpec))
			if err != nil {
				t.Fatal(err)
			}
			got, err := parameters(h, c.pairs)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want an error with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{}
			for k, v := range got {
				texts[k] = string(v)
			}
			if diff := cmp.Diff(c.want, texts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSpecOfOneOrTwoDocuments(t *testing.T) {
	for name, c := range map[string]struct{ text, want, err string }{
		"one":          {text: "pipelineInfo: {name: p}\n", want: `{"pipelineInfo":{"name":"p"}}`},
		"with its own": {text: "pipelineInfo: {name: p}\n---\nplatforms: {kubernetes: {}}\n", want: `{"pipeline_spec":{"pipelineInfo":{"name":"p"}},"platform_spec":{"platforms":{"kubernetes":{}}}}`},
		"none":         {text: "# nothing\n", err: "no pipeline"},
		"three":        {text: "a: 1\n---\nb: 1\n---\nc: 1\n", err: "3 YAML documents"},
		"unreadable":   {text: "a: [1\n", err: "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := specJSON("p.yaml", []byte(c.text))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "p.yaml") {
					t.Fatalf("got %v, want an error with p.yaml and %q", err, c.err)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}
