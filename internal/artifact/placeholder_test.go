package artifact_test

import (
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/artifact"
)

// show replaces each known placeholder by its path, in brackets.
func show(r artifact.Ref) (string, bool) {
	if len(r.Path) > 0 && r.Path[0] == "unknown" {
		return "", false
	}
	return "<" + strings.Join(r.Path, "|") + ">", true
}

func TestExpand(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing to do":                    {"plain {x}", "plain {x}"},
		"the whole input":                  {"{{$}}", "<>"},
		"single quotes":                    {"{{$.inputs.parameters['a b']}}", "<inputs|parameters|a b>"},
		"double quotes":                    {`{{$.inputs.parameters["a'b"]}}`, "<inputs|parameters|a'b>"},
		"an attribute":                     {"{{$.inputs.artifacts['m'].uri}}", "<inputs|artifacts|m|uri>"},
		"metadata":                         {"{{$.outputs.artifacts['m'].metadata['k']['l']}}", "<outputs|artifacts|m|metadata|k|l>"},
		"several in a text":                {"a{{$.x}}b{{$.y}}c", "a<x>b<y>c"},
		"unknown ones stay":                {"{{$.unknown}} {{$.x}}", "{{$.unknown}} <x>"},
		"unfinished ones stay":             {"{{$.x {{$.y}}", "{{$.x <y>"},
		"an open quote stays":              {"{{$.x['y}}", "{{$.x['y}}"},
		"a template of another kind stays": {"{{x}} {{$ .x}}", "{{x}} {{$ .x}}"},
		"a name with brackets":             {"{{$.inputs.parameters['pipelinechannel--x[0]']}}", "<inputs|parameters|pipelinechannel--x[0]>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := artifact.Expand(tt.text, show); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhole(t *testing.T) {
	if r, ok := artifact.Whole("{{$.pipeline_job_name}}"); !ok || !r.Is("pipeline_job_name") {
		t.Errorf("got %v, %t", r, ok)
	}
	if _, ok := artifact.Whole("{{$.pipeline_job_name}} "); ok {
		t.Error("a placeholder with text around it is not whole")
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"{{$}}", "{{$.a['b'].c}}", `{{$["`, "{{$.x}}{{$", "{{$.é}}", "a{{$.inputs.parameters['x']}}b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := artifact.Expand(s, func(artifact.Ref) (string, bool) { return "", false }); got != s {
			t.Errorf("%q became %q though nothing is known", s, got)
		}
		for _, r := range artifact.Refs(s) {
			if again, ok := artifact.Whole(r.Text); !ok || len(again.Path) != len(r.Path) {
				t.Errorf("%q was found in %q and does not parse by itself", r.Text, s)
			}
		}
	})
}

func FuzzConvert(f *testing.F) {
	for _, s := range []string{`[1.0,"\\\"1.0"]`, `{"a":-0.0e5}`, "3.0", "1e400", `"x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := artifact.Compact([]byte(s))
		if err != nil {
			return
		}
		for _, typ := range []artifact.ParamType{artifact.String, artifact.Integer, artifact.Double, artifact.Boolean, artifact.List, artifact.Struct} {
			got, err := artifact.Convert(typ, v)
			if err != nil {
				continue
			}
			if _, err := artifact.Compact(got); err != nil {
				t.Errorf("%s as %s is %s, which is no JSON", v, typ, got)
			}
			if again, err := artifact.Convert(typ, got); err != nil || string(again) != string(got) {
				t.Errorf("%s as %s is %s, and again %s, %v", v, typ, got, again, err)
			}
		}
	})
}
