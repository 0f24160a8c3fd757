package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/slipway-ml/slipway/internal/artifact"
)

// Expr is a compiled CEL expression: a condition over inputs.parameter_values, or
// a selector over string_value.
type Expr struct {
	Text    string
	program cel.Program
}

// evalCost bounds one evaluation; the SDK's expressions cost below 100.
const evalCost = 100_000

// environment is shared: building one takes milliseconds.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("inputs", cel.MapType(cel.StringType, cel.MapType(cel.StringType, cel.DynType))),
		cel.Variable("string_value", cel.StringType),
		cel.Function("parseJson", cel.Overload("parse_json_string", []*cel.Type{cel.StringType}, cel.DynType,
			cel.UnaryBinding(parseJSON))),
	)
})

// NewExpr compiles an expression. The error is a sentence about the text.
func NewExpr(text string) (*Expr, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	ast, issues := env.Compile(text)
	if errs := issues.Errors(); len(errs) > 0 {
		return nil, fmt.Errorf("expression %q: %s", text, errs[0].Message)
	}
	program, err := env.Program(ast, cel.CostLimit(evalCost))
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	return &Expr{Text: text, program: program}, nil
}

// Holds evaluates a condition over the parameters of a task.
func (e *Expr) Holds(params map[string]artifact.Value) (bool, error) {
	values := make(map[string]any, len(params))
	for name, v := range params {
		if !strings.Contains(e.Text, name) { // it may be a list of thousands
			continue
		}
		x, err := native(v)
		if err != nil {
			return false, fmt.Errorf("condition %q: parameter %q: %w", e.Text, name, err)
		}
		values[name] = x
	}
	out, _, err := e.program.Eval(map[string]any{"inputs": map[string]any{"parameter_values": values}})
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", e.Text, err)
	}
	if b, ok := out.Value().(bool); ok {
		return b, nil
	}
	return false, fmt.Errorf("condition %q gives %s, not true or false", e.Text, out.Type().TypeName())
}

// Select evaluates a selector over the text of v.
func (e *Expr) Select(v artifact.Value) (artifact.Value, error) {
	out, _, err := e.program.Eval(map[string]any{"string_value": artifact.Text(v)})
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", e.Text, err)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain(out)); err != nil {
		return nil, fmt.Errorf("selector %q: %w", e.Text, err)
	}
	return artifact.Value(bytes.TrimRight(buf.Bytes(), "\n")), nil
}

// parseJSON is the CEL function parseJson.
func parseJSON(arg ref.Val) ref.Val {
	text, ok := arg.Value().(string)
	if !ok {
		return types.MaybeNoSuchOverloadErr(arg)
	}
	x, err := native(artifact.Value(text))
	if err != nil {
		return types.NewErr("parseJson: %v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(x)
}

// native is v as Go values for CEL: numbers written as integers are int64, others
// float64. CEL compares both with each other by value.
func native(v artifact.Value) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return nil, fmt.Errorf("not a JSON value: %w", err)
	}
	return numbers(x), nil
}

func numbers(x any) any {
	switch x := x.(type) {
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i
		}
		f, err := x.Float64()
		if err != nil { // beyond a float's range
			return x.String()
		}
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return x
}

// plain is a CEL value as Go values for JSON.
func plain(v ref.Val) any {
	switch v := v.(type) {
	case types.Null:
		return nil
	case traits.Mapper:
		m := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			m[fmt.Sprint(k.Value())] = plain(v.Get(k))
		}
		return m
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			list = append(list, plain(it.Next()))
		}
		return list
	}
	return v.Value()
}
