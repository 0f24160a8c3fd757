package rest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/rest"
)

type inner struct {
	DeepField string `json:"deep_field"`
}

type request struct {
	Name       string                     `json:"name"`
	PageSize   int32                      `json:"page_size"`
	BigNumber  int64                      `json:"big_number"`
	OnOff      bool                       `json:"on_off"`
	At         time.Time                  `json:"at"`
	Raw        json.RawMessage            `json:"raw"`
	Inner      *inner                     `json:"inner"`
	List       []inner                    `json:"list"`
	Tags       map[string]string          `json:"tags"`
	Parameters map[string]json.RawMessage `json:"parameters"`
}

func TestUnmarshalUnderstandsWhatClientsSend(t *testing.T) {
	cases := map[string]struct {
		body string
		want request
	}{
		"nothing":              {``, request{}},
		"empty object":         {` {} `, request{}},
		"null is unset":        {`{"name":null,"inner":null,"tags":null}`, request{}},
		"snake_case":           {`{"page_size":3,"inner":{"deep_field":"x"}}`, request{PageSize: 3, Inner: &inner{"x"}}},
		"camelCase":            {`{"pageSize":3,"inner":{"deepField":"x"}}`, request{PageSize: 3, Inner: &inner{"x"}}},
		"int64 as text":        {`{"big_number":"9007199254740993"}`, request{BigNumber: 9007199254740993}},
		"int64 as number":      {`{"big_number":9007199254740993}`, request{BigNumber: 9007199254740993}},
		"int as whole double":  {`{"page_size":3.0,"big_number":1e3}`, request{PageSize: 3, BigNumber: 1000}},
		"time":                 {`{"at":"2026-03-01T13:00:00+01:00"}`, request{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}},
		"raw values stay":      {`{"parameters":{"a": 3.0, "b":[1, {"c" :null}],"d":9007199254740993, "e":null}}`, request{Parameters: map[string]json.RawMessage{"a": []byte("3.0"), "b": []byte(`[1,{"c":null}]`), "d": []byte("9007199254740993"), "e": []byte("null")}}},
		"maps and lists":       {`{"tags":{"x":"y","":"z"},"list":[{},{"deep_field":"é"}]}`, request{Tags: map[string]string{"x": "y", "": "z"}, List: []inner{{}, {"é"}}}},
		"raw null is a value":  {`{"raw":null}`, request{Raw: []byte("null")}},
		"keys with dots":       {`{"tags":{"a.b":"y"}}`, request{Tags: map[string]string{"a.b": "y"}}},
		"true and bool spaces": {`{"on_off" : true }`, request{OnOff: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got request
			if err := rest.Unmarshal([]byte(c.body), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestUnmarshalNamesWhatIsWrong(t *testing.T) {
	cases := map[string]struct{ body, want string }{
		"unknown field":        {`{"nme":"x"}`, "nme: unknown field"},
		"unknown deep field":   {`{"inner":{"deepfield":"x"}}`, "inner.deepfield: unknown field"},
		"unknown in a list":    {`{"list":[{},{"x":1}]}`, "list[1].x: unknown field"},
		"given twice":          {`{"page_size":1,"pageSize":2}`, "pageSize: given twice"},
		"number for text":      {`{"name":3}`, "name: expected a string, not 3"},
		"text for number":      {`{"page_size":"three"}`, `page_size: expected an integer, not "three"`},
		"fraction":             {`{"page_size":1.5}`, "page_size: expected an integer, not 1.5"},
		"overflow":             {`{"page_size":3000000000}`, "page_size: expected an integer"},
		"int64 overflow":       {`{"big_number":"9223372036854775808"}`, "big_number: expected an integer"},
		"no bool":              {`{"on_off":"true"}`, "on_off: expected true or false"},
		"no time":              {`{"at":"yesterday"}`, "at: expected an RFC 3339 time"},
		"object for list":      {`{"list":{}}`, "list: expected a list, not {}"},
		"list for object":      {`{"inner":[]}`, "inner: expected an object, not []"},
		"value of a map":       {`{"tags":{"a":1}}`, "tags.a: expected a string, not 1"},
		"a list as the body":   {`[]`, "the body: expected an object"},
		"a number as the body": {`3`, "the body: expected an object"},
		"syntax":               {"{\n \"name\": x}", "line 2, column 10"},
		"cut short":            {`{"name":"x`, "the body is not JSON"},
		"trailing text":        {`{} {}`, "the body is not JSON"},
		"long values are cut":  {`{"page_size":"` + strings.Repeat("x", 1000) + `"}`, "xxx..."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := rest.Unmarshal([]byte(c.body), &request{})
			var e *rest.Error
			if !errors.As(err, &e) || e.Code != rest.InvalidArgument {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(e.Message, c.want) || len(e.Message) > 200 {
				t.Errorf("got %q, want %q", e.Message, c.want)
			}
		})
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"x","inner":{"deep_field":"y"},"parameters":{"a":[1,2]},"at":"2026-03-01T13:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e *rest.Error
		if err := rest.Unmarshal(data, &request{}); err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", data, err)
		}
	})
}

func TestErrorsAnswerAsGRPCGatewayDoes(t *testing.T) {
	cases := map[string]struct {
		err    error
		status int
		body   string
	}{
		"invalid":      {rest.Errorf(rest.InvalidArgument, "a <b> %d", 1), 400, `{"error":"a <b> 1","code":3,"message":"a <b> 1","details":[]}`},
		"absent":       {rest.Errorf(rest.NotFound, "x"), 404, `{"error":"x","code":5,"message":"x","details":[]}`},
		"exists":       {rest.Errorf(rest.AlreadyExists, "x"), 409, `{"error":"x","code":6,"message":"x","details":[]}`},
		"precondition": {rest.Errorf(rest.FailedPrecondition, "x"), 400, `{"error":"x","code":9,"message":"x","details":[]}`},
		"own status":   {&rest.Error{Code: rest.InvalidArgument, Status: 413, Message: "x"}, 413, `{"error":"x","code":3,"message":"x","details":[]}`},
		"no text leaks": {errors.New("password=secret"), 500,
			`{"error":"internal error; the server's log has the reason","code":13,"message":"internal error; the server's log has the reason","details":[]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			handler := rest.Handler(func(*http.Request) (any, error) { return nil, c.err })
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != c.status || got != c.body {
				t.Errorf("%d %s", recorder.Code, got)
			}
		})
	}
}
