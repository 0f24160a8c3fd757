package artifact_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/artifact"
)

func TestText(t *testing.T) {
	tests := map[string]struct{ value, want string }{
		"a string is itself":                      {`"a \"b\" <c>"`, `a "b" <c>`},
		"an integer that came as a float":         {"3.0", "3"},
		"a large number without exponent":         {"1e6", "1000000"},
		"a small number without exponent":         {"1e-7", "0.0000001"},
		"an integer beyond 2^53 keeps its digits": {"9007199254740993", "9007199254740993"},
		"negative zero is zero":                   {"-0.0", "0"},
		"a boolean":                               {"true", "true"},
		"a list is JSON":                          {`[1,"a"]`, `[1,"a"]`},
		"null is nothing":                         {"null", ""},
		"no value is nothing":                     {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := artifact.Text(artifact.Value(tt.value)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConvert(t *testing.T) {
	tests := map[string]struct {
		typ         artifact.ParamType
		value, want string // no want: refused
	}{
		"an integer as a float":             {artifact.Integer, "3.0", "3"},
		"an integer with exponent":          {artifact.Integer, "1e3", "1000"},
		"a fraction is no integer":          {artifact.Integer, "3.5", ""},
		"a digit string is no integer":      {artifact.Integer, `"3"`, ""},
		"a double keeps its fraction":       {artifact.Double, "0.10", "0.1"},
		"a string of JSON stays a string":   {artifact.String, `"{\"a\":1}"`, `"{\"a\":1}"`},
		"a struct becomes a string":         {artifact.String, `{"a":1.0}`, `"{\"a\":1}"`},
		"a boolean becomes a string":        {artifact.String, "true", `"true"`},
		"integers in a list lose their .0":  {artifact.List, `[1.0,{"x":2.50,"s":"1.0 \" 2.0"}]`, `[1,{"x":2.5,"s":"1.0 \" 2.0"}]`},
		"a struct is no list":               {artifact.List, `{}`, ""},
		"a list is no struct":               {artifact.Struct, `[]`, ""},
		"one is no boolean":                 {artifact.Boolean, "1", ""},
		"null is of no type":                {artifact.String, "null", ""},
		"a final status is a struct":        {artifact.TaskFinalStatus, `{"state":"FAILED"}`, `{"state":"FAILED"}`},
		"a number beyond floats is refused": {artifact.Integer, "1e999", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := artifact.Convert(tt.typ, artifact.Value(tt.value))
			if (err != nil) != (tt.want == "") || string(got) != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestParseText(t *testing.T) {
	tests := map[string]struct {
		typ        artifact.ParamType
		text, want string
	}{
		"a string keeps its newline":     {artifact.String, "a\n", `"a\n"`},
		"an integer is trimmed":          {artifact.Integer, " 42\n", "42"},
		"a large integer":                {artifact.Integer, "12345678901234567890", "12345678901234567890"},
		"a float is no integer":          {artifact.Integer, "4.2", ""},
		"a float":                        {artifact.Double, "1e-3", "0.001"},
		"infinity is no JSON":            {artifact.Double, "inf", ""},
		"Python's True":                  {artifact.Boolean, "True\n", "true"},
		"yes is no boolean":              {artifact.Boolean, "yes", ""},
		"a list":                         {artifact.List, "[1, 2.0]", "[1,2]"},
		"a list in Python's own quotes":  {artifact.List, "['a']", ""},
		"a struct where a list belongs":  {artifact.List, "{}", ""},
		"nothing where a number belongs": {artifact.Integer, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := artifact.ParseText(tt.typ, tt.text)
			if (err != nil) != (tt.want == "") || string(got) != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestEqualComparesMeanings(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"numbers":        {"3", "3.0", true},
		"order of keys":  {`{"a":1,"b":[2.0]}`, `{"b":[2],"a":1}`, true},
		"order of items": {"[1,2]", "[2,1]", false},
		"kinds":          {`"3"`, "3", false},
		"not JSON":       {"x", "y", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := artifact.Equal(artifact.Value(tt.a), artifact.Value(tt.b)); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestURIs(t *testing.T) {
	tests := map[string]struct{ uri, local string }{
		"s3":              {"s3://team/a/b", "/s3/team/a/b"},
		"minio":           {"minio://mlpipeline/v2", "/minio/mlpipeline/v2"},
		"gs":              {"gs://b/k", "/gcs/b/k"},
		"an image":        {"oci://ghcr.io/org/model:1", "/oci/ghcr.io_org_model:1/models"},
		"another scheme":  {"https://example.org/x", "https://example.org/x"},
		"a path of a pod": {"/tmp/x", "/tmp/x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := artifact.LocalPath(tt.uri); got != tt.local {
				t.Errorf("got %s, want %s", got, tt.local)
			}
		})
	}
	want := artifact.URI{Scheme: "s3", Bucket: "team", Key: "v2/x", Query: "region=eu"}
	got, err := artifact.ParseURI("s3://team/v2/x?region=eu")
	if diff := cmp.Diff(want, got); err != nil || diff != "" || got.String() != "s3://team/v2/x?region=eu" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "team/x", "s3://", "s3:///x", "://b"} {
		if _, err := artifact.ParseURI(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if got := artifact.OutputURI("s3://team/v2/?region=eu", "p", "r", "t", "u", "model"); got != "s3://team/v2/p/r/t/u/model?region=eu" {
		t.Error(got)
	}
}
