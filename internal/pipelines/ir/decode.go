package ir

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// decoder fills the Go types from a tree and refuses unknown fields.
type decoder struct{ errs Errors }

var rawType = reflect.TypeFor[json.RawMessage]()

func (d *decoder) fail(path string, n *node, format string, args ...any) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, Error{Path: path, Line: n.line, Column: n.col, Message: fmt.Sprintf(format, args...)})
	}
}

// decode sets v, which is addressable, from n. Null means unset, as in proto JSON.
func (d *decoder) decode(path string, n *node, v reflect.Value) {
	if v.Type() == rawType {
		v.SetBytes(n.json())
		return
	}
	if n.kind == nullKind {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem())
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.slice(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

func (d *decoder) structure(path string, n *node, v reflect.Value) {
	if n.kind != mapKind {
		d.fail(path, n, "must be an object")
		return
	}
	fields := fieldsOf(v.Type())
	seen := make(map[int]bool, len(n.entries))
	for _, e := range n.entries {
		p := join(path, e.key)
		i, ok := fields[e.key]
		if !ok {
			d.fail(p, e.at, "unknown field")
			continue
		}
		if seen[i] {
			d.fail(p, e.at, "field appears twice")
			continue
		}
		seen[i] = true
		d.decode(p, e.value, v.Field(i))
	}
}

func (d *decoder) mapping(path string, n *node, v reflect.Value) {
	if n.kind != mapKind {
		d.fail(path, n, "must be an object")
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		if item.Kind() == reflect.Pointer { // an entry without a body is an empty one
			item.Set(reflect.New(item.Type().Elem()))
		}
		d.decode(index(path, e.key), e.value, item)
		v.SetMapIndex(reflect.ValueOf(e.key), item)
	}
}

func (d *decoder) slice(path string, n *node, v reflect.Value) {
	if n.kind != listKind {
		d.fail(path, n, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.list), len(n.list)))
	for i, x := range n.list {
		d.decode(index(path, strconv.Itoa(i)), x, v.Index(i))
	}
}

func (d *decoder) scalar(path string, n *node, v reflect.Value) {
	if n.kind != scalarKind {
		d.fail(path, n, "must be %s", wordOf(v))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.isString {
			v.SetString(n.str)
			return
		}
	case reflect.Bool:
		if s := string(n.raw); s == "true" || s == "false" {
			v.SetBool(s == "true")
			return
		}
	case reflect.Int, reflect.Int64:
		text := string(n.raw)
		if n.isString { // proto JSON writes 64-bit integers as strings
			text = n.str
		}
		f, err := strconv.ParseFloat(text, 64)
		if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v.SetInt(int64(f))
			return
		}
	case reflect.Float64:
		text := string(n.raw)
		if n.isString {
			text = n.str
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			v.SetFloat(f)
			return
		}
	}
	d.fail(path, n, "must be %s", wordOf(v))
}

func wordOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	default:
		return "a number"
	}
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

func index(path, key string) string { return path + "[" + key + "]" }

var fieldCache sync.Map // reflect.Type -> map[string]int

// fieldsOf maps the camelCase and snake_case names of a struct's fields to their index.
func fieldsOf(t reflect.Type) map[string]int {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]int)
	}
	m := map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		m[name] = i
		m[snake(name)] = i
	}
	fieldCache.Store(t, m)
	return m
}

func snake(camel string) string {
	var out strings.Builder
	for _, r := range camel {
		if r >= 'A' && r <= 'Z' {
			out.WriteByte('_')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}
