package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// MaxBody bounds a JSON request: a spec of upstream's largest size, once more for
// its quoting.
const MaxBody = 64 << 20

// Decode reads a request's JSON body into v, a pointer to a struct. Errors are
// *Error with the path of what is wrong.
func Decode(r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	if err != nil {
		return BodyError(err, MaxBody)
	}
	return Unmarshal(body, v)
}

// BodyError is the answer to a body that could not be read.
func BodyError(err error, limit int64) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{
			Code: InvalidArgument, Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the body is larger than %d MiB", limit>>20),
		}
	}
	return Errorf(InvalidArgument, "read the body: %v", err)
}

// Unmarshal reads JSON into v, a pointer to a struct, as the package comment says.
// An empty text is an empty object.
func Unmarshal(data []byte, v any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if !json.Valid(data) {
		return syntaxError(data)
	}
	return decodeValue("", data, reflect.ValueOf(v).Elem())
}

func syntaxError(data []byte) error {
	var syntax *json.SyntaxError
	var ignored json.RawMessage
	err := json.Unmarshal(data, &ignored)
	if !errors.As(err, &syntax) {
		return Errorf(InvalidArgument, "the body is not JSON: %v", err)
	}
	before := data[:min(int(syntax.Offset), len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return Errorf(InvalidArgument, "the body is not JSON: line %d, column %d: %v", line, column, syntax)
}

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	timeType = reflect.TypeFor[time.Time]()
)

// decodeValue stores valid JSON in v.
func decodeValue(path string, data json.RawMessage, v reflect.Value) error {
	data = bytes.TrimSpace(data)
	if v.Type() == rawType {
		v.SetBytes(compact(data))
		return nil
	}
	if string(data) == "null" {
		return nil
	}
	if v.Type() == timeType {
		return decodeTime(path, data, v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(path, data, v.Elem())
	case reflect.Struct:
		return decodeStruct(path, data, v)
	case reflect.Map:
		return decodeMap(path, data, v)
	case reflect.Slice:
		return decodeSlice(path, data, v)
	case reflect.String:
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return wrongKind(path, "a string", data)
		}
		v.SetString(s)
	case reflect.Bool:
		var b bool
		if err := json.Unmarshal(data, &b); err != nil {
			return wrongKind(path, "true or false", data)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, ok := integer(data)
		if !ok || v.OverflowInt(n) {
			return wrongKind(path, "an integer", data)
		}
		v.SetInt(n)
	default:
		return fmt.Errorf("rest: cannot decode %s into %s", path, v.Type())
	}
	return nil
}

func compact(data []byte) []byte {
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return bytes.Clone(data) // it is valid; see Unmarshal
	}
	return out.Bytes()
}

// integer reads 3, 3.0, 3e0 and "3", as protobuf's JSON does.
func integer(data []byte) (int64, bool) {
	text := string(data)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

func decodeTime(path string, data json.RawMessage, v reflect.Value) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return wrongKind(path, "an RFC 3339 time", data)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return wrongKind(path, "an RFC 3339 time", data)
	}
	v.Set(reflect.ValueOf(at.UTC()))
	return nil
}

func decodeStruct(path string, data json.RawMessage, v reflect.Value) error {
	fields := fieldsOf(v.Type())
	seen := map[int]bool{}
	return eachMember(path, data, func(key string, value json.RawMessage) error {
		i, ok := fields[key]
		if !ok {
			return Errorf(InvalidArgument, "%s: unknown field", join(path, key))
		}
		if seen[i] {
			return Errorf(InvalidArgument, "%s: given twice", join(path, key))
		}
		seen[i] = true
		return decodeValue(join(path, key), value, v.Field(i))
	})
}

func decodeMap(path string, data json.RawMessage, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return eachMember(path, data, func(key string, value json.RawMessage) error {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := decodeValue(join(path, key), value, item); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), item)
		return nil
	})
}

func decodeSlice(path string, data json.RawMessage, v reflect.Value) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return wrongKind(path, "a list", data)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decodeValue(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func eachMember(path string, data json.RawMessage, do func(key string, value json.RawMessage) error) error {
	if len(data) == 0 || data[0] != '{' {
		return wrongKind(path, "an object", data)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil { // {
		return Errorf(InvalidArgument, "%s: %v", path, err)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return Errorf(InvalidArgument, "%s: %v", path, err)
		}
		key, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return Errorf(InvalidArgument, "%s: %v", join(path, key), err)
		}
		if err := do(key, value); err != nil {
			return err
		}
	}
	return nil
}

func wrongKind(path, want string, got []byte) error {
	const show = 40
	text := string(got)
	if len(text) > show {
		text = text[:show] + "..."
	}
	if path == "" {
		path = "the body"
	}
	return Errorf(InvalidArgument, "%s: expected %s, not %s", path, want, strings.ToValidUTF8(text, "?"))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf maps a struct's JSON names, in both spellings, to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, 2*t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = i
		fields[Camel(name)] = i
	}
	return fields
}

// Camel is the camelCase spelling of a snake_case name.
func Camel(snake string) string {
	var out strings.Builder
	up := false
	for _, r := range snake {
		switch {
		case r == '_':
			up = true
		case up:
			out.WriteString(strings.ToUpper(string(r)))
			up = false
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
