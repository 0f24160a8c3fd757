package plan_test

import (
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

func TestConditions(t *testing.T) {
	params := map[string]artifact.Value{
		"i": artifact.Value("3"), "f": artifact.Value("3.5"), "whole": artifact.Value("4"), "s": artifact.Value(`"heads"`),
		"b": artifact.Value("true"), "digits": artifact.Value(`"12"`), "null": artifact.Null,
	}
	tests := map[string]struct {
		text string
		want string // "true", "false", or a part of the error
	}{
		"strings":                      {"inputs.parameter_values['s'] == 'heads'", "true"},
		"int of an integer":            {"int(inputs.parameter_values['i']) > 2", "true"},
		"int of a float":               {"int(inputs.parameter_values['f']) == 3", "true"},
		"int of digits":                {"int(inputs.parameter_values['digits']) == 12", "true"},
		"a float below an integer":     {"inputs.parameter_values['f'] < 4", "true"},
		"an integer equal to a float":  {"inputs.parameter_values['whole'] == 4.0", "true"},
		"double of an integer":         {"double(inputs.parameter_values['i']) < 3.5", "true"},
		"a boolean":                    {"inputs.parameter_values['b'] == true", "true"},
		"a boolean is not its text":    {"inputs.parameter_values['b'] == 'true'", "false"},
		"a number is not its text":     {"inputs.parameter_values['i'] == '3'", "false"},
		"negation and conjunction":     {"!(inputs.parameter_values['s'] == 'tails') && inputs.parameter_values['b'] == true", "true"},
		"a text in another":            {"inputs.parameter_values['s'] in ['heads', 'tails']", "true"},
		"a missing key":                {"inputs.parameter_values['x'] == 1", "no such key: x"},
		"int of a word":                {"int(inputs.parameter_values['s']) == 1", "condition"},
		"something that is no boolean": {"inputs.parameter_values['s']", "gives string, not true or false"},
		"null":                         {"inputs.parameter_values['null'] == null", "true"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := plan.NewExpr(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			holds, err := e.Holds(params)
			got := map[bool]string{true: "true", false: "false"}[holds]
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSelectors(t *testing.T) {
	tests := map[string]struct{ text, value, want string }{
		"a field of a struct":              {`parseJson(string_value)["a"]`, `{"a":1}`, "1"},
		"a field of a struct as text":      {`parseJson(string_value)["a"]`, `"{\"a\":\"x\"}"`, `"x"`},
		"a struct in a struct":             {`parseJson(string_value)["a"]`, `{"a":{"c":[1.5,true,null,"<"]}}`, `{"c":[1.5,true,null,"<"]}`},
		"a large integer keeps its digits": {`parseJson(string_value)["a"]`, `{"a":9007199254740993}`, "9007199254740993"},
		"a missing field":                  {`parseJson(string_value)["b"]`, `{"a":1}`, "no such key: b"},
		"text that is no JSON":             {`parseJson(string_value)["b"]`, `"b"`, "parseJson: not a JSON value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := plan.NewExpr(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			v, err := e.Select(artifact.Value(tt.value))
			got := string(v)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAnExpressionThatDoesNotCompileIsOneSentence(t *testing.T) {
	_, err := plan.NewExpr("inputs.parameter_values['x' ==")
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
