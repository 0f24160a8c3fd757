package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Value is a parameter's value as compact JSON text; "null" for null. An empty
// Value means that there is none.
type Value = json.RawMessage

// Null is the JSON null.
var Null = Value("null")

// IsNull reports whether v is the JSON null.
func IsNull(v Value) bool { return string(v) == "null" }

// Compact checks that data is one JSON value and returns it without insignificant space.
func Compact(data []byte) (Value, error) {
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return nil, fmt.Errorf("not a JSON value: %w", err)
	}
	return out.Bytes(), nil
}

// Quote is the JSON string of s. It does not escape <, > and &.
func Quote(s string) Value {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return nil
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// Text is the text form of a value, as placeholders and output files carry it:
// a string as it is, numbers in the shortest form without exponent (3, not 3.0),
// true and false, lists and structs as compact JSON, null as the empty text.
func Text(v Value) string {
	if len(v) == 0 {
		return ""
	}
	switch v[0] {
	case 'n':
		return ""
	case '"':
		var s string
		if json.Unmarshal(v, &s) != nil {
			return string(v)
		}
		return s
	case 't', 'f', '[', '{':
		return string(v)
	default:
		return numberText(string(v))
	}
}

// numberText writes a JSON number without exponent and without a zero fraction.
func numberText(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		return s // an integer of any size is kept digit by digit
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if f == 0 {
		return "0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// kind names the JSON kind of v, for people.
func kind(v Value) string {
	if len(v) == 0 {
		return "nothing"
	}
	switch v[0] {
	case 'n':
		return "null"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case '[':
		return "a list"
	case '{':
		return "a struct"
	default:
		return "a number"
	}
}

// MismatchError says that a value is not of the wanted type.
type MismatchError struct {
	Want ParamType
	Got  Value
}

func (e *MismatchError) Error() string {
	got := string(e.Got)
	if len(got) > 60 {
		got = got[:60] + "..."
	}
	return fmt.Sprintf("must be %s (%s), got %s: %s", e.Want.Word(), e.Want, kind(e.Got), got)
}

// Convert checks that v is of type t and returns its normal form: integers
// without fraction or exponent (3.0 is 3), anything that is not a string as its
// text where a STRING is wanted. Null is of no type.
func Convert(t ParamType, v Value) (Value, error) {
	mismatch := &MismatchError{Want: t, Got: v}
	if len(v) == 0 || IsNull(v) {
		return nil, mismatch
	}
	k := v[0]
	number := k == '-' || ('0' <= k && k <= '9')
	switch t {
	case String:
		if k == '"' {
			return v, nil
		}
		return Quote(Text(plainNumbers(v))), nil
	case Integer:
		if text, ok := integerText(string(v)); number && ok {
			return Value(text), nil
		}
	case Double:
		if _, err := strconv.ParseFloat(string(v), 64); number && err == nil {
			return Value(numberText(string(v))), nil
		}
	case Boolean:
		if k == 't' || k == 'f' {
			return v, nil
		}
	case List:
		if k == '[' {
			return plainNumbers(v), nil
		}
	case Struct, TaskFinalStatus, TaskConfig:
		if k == '{' {
			return plainNumbers(v), nil
		}
	}
	return nil, mismatch
}

// CheckKind is Convert for values that people and programs send: it does not turn
// other kinds into strings.
func CheckKind(t ParamType, v Value) (Value, error) {
	if t == String && (len(v) == 0 || v[0] != '"') {
		return nil, &MismatchError{Want: t, Got: v}
	}
	return Convert(t, v)
}

// plainNumbers writes the numbers inside a list or a struct in their text form: the
// SDK's compiler writes the integers of a list as 1.0, 2.0.
func plainNumbers(v Value) Value {
	if !bytes.ContainsAny(v, ".eE") {
		return v
	}
	out := make(Value, 0, len(v))
	for i := 0; i < len(v); {
		switch c := v[i]; {
		case c == '"':
			end := i + 1
			for end < len(v) && v[end] != '"' {
				if v[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(v))
			out = append(out, v[i:end]...)
			i = end
		case c == '-' || ('0' <= c && c <= '9'):
			end := i + 1
			for end < len(v) && bytes.IndexByte([]byte("0123456789+-.eE"), v[end]) >= 0 {
				end++
			}
			out = append(out, numberText(string(v[i:end]))...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// integerText is the decimal form of a JSON number that is an integer. Numbers
// with an exponent beyond a float's range are not.
func integerText(s string) (string, bool) {
	if !strings.ContainsAny(s, ".eE") {
		return s, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.IsInf(f, 0) {
		return "", false
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i.String(), true
}

// ParseText gives the text that a step wrote into an output file the type t: ints
// and booleans by their trimmed text, lists and structs as JSON.
func ParseText(t ParamType, text string) (Value, error) {
	trimmed := strings.TrimSpace(text)
	mismatch := &MismatchError{Want: t, Got: Quote(text)}
	switch t {
	case String:
		return Quote(text), nil
	case Integer:
		i, ok := new(big.Int).SetString(trimmed, 10)
		if !ok {
			return nil, mismatch
		}
		return Value(i.String()), nil
	case Double:
		f, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, mismatch
		}
		return Value(strconv.FormatFloat(f, 'f', -1, 64)), nil
	case Boolean:
		b, err := strconv.ParseBool(trimmed)
		if err != nil {
			return nil, mismatch
		}
		return Value(strconv.FormatBool(b)), nil
	default:
		v, err := Compact([]byte(trimmed))
		if err != nil {
			return nil, mismatch
		}
		return Convert(t, v)
	}
}

// Equal compares two values by what they mean: 3 and 3.0 are equal, and the order
// of keys does not matter.
func Equal(a, b Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := Canonical(a)
	y, errY := Canonical(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Canonical is v with sorted keys, no space and numbers in their text form.
func Canonical(v Value) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return nil, fmt.Errorf("not a JSON value: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(normal(x)); err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

func normal(x any) any {
	switch x := x.(type) {
	case json.Number:
		return json.Number(numberText(x.String()))
	case []any:
		for i := range x {
			x[i] = normal(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = normal(x[k])
		}
	}
	return x
}

// Items are the elements of a list.
func Items(v Value) ([]Value, error) {
	var items []Value
	if err := json.Unmarshal(v, &items); err != nil {
		return nil, fmt.Errorf("not a list: %w", err)
	}
	for i := range items {
		compact, err := Compact(items[i])
		if err != nil {
			return nil, err
		}
		items[i] = compact
	}
	return items, nil
}
