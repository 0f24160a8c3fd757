package httpapi

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/rest"
)

// listQuery reads what every list takes; parent names the query parameter that
// narrows it, if there is one.
func listQuery(r *http.Request, parent string) (sqlstore.ListQuery, error) {
	values := r.URL.Query()
	q := sqlstore.ListQuery{
		Namespace: authz.Namespace(r.Context()), SortBy: values.Get("sort_by"), PageToken: values.Get("page_token"),
	}
	if parent != "" {
		q.Parent = values.Get(parent)
	}
	if text := values.Get("page_size"); text != "" {
		size, err := strconv.ParseInt(text, 10, 32)
		if err != nil || size < 0 {
			return q, invalid("page_size: expected a number from 0 to %d, not %q", sqlstore.MaxPageSize, text)
		}
		q.PageSize = int(size)
	}
	var err error
	q.Filter, err = parseFilter(values.Get("filter"))
	return q, err
}

// filterWire is upstream's Filter.
type filterWire struct {
	Predicates []predicateWire `json:"predicates"`
}

type predicateWire struct {
	Operation      json.RawMessage `json:"operation"` // a name or a number
	Key            string          `json:"key"`
	IntValue       *int32          `json:"int_value"`
	LongValue      *int64          `json:"long_value"`
	StringValue    *string         `json:"string_value"`
	TimestampValue *time.Time      `json:"timestamp_value"`
	IntValues      *int32Values    `json:"int_values"`
	LongValues     *int64Values    `json:"long_values"`
	StringValues   *stringValues   `json:"string_values"`
}

type int32Values struct {
	Values []int32 `json:"values"`
}

type int64Values struct {
	Values []int64 `json:"values"`
}

type stringValues struct {
	Values []string `json:"values"`
}

var operations = map[string]sqlstore.Op{
	"EQUALS": sqlstore.OpEquals, "NOT_EQUALS": sqlstore.OpNotEquals,
	"GREATER_THAN": sqlstore.OpGreaterThan, "GREATER_THAN_EQUALS": sqlstore.OpGreaterThanEquals,
	"LESS_THAN": sqlstore.OpLessThan, "LESS_THAN_EQUALS": sqlstore.OpLessThanEquals,
	"IN": sqlstore.OpIn, "IS_SUBSTRING": sqlstore.OpIsSubstring,
}

// maxPredicates bounds a filter.
const maxPredicates = 50

// parseFilter reads a filter's JSON. Some clients encode it once more than HTTP
// asks for.
func parseFilter(text string) ([]sqlstore.Predicate, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if decoded, err := url.QueryUnescape(text); err == nil {
			text = decoded
		}
	}
	var wire filterWire
	if err := rest.Unmarshal([]byte(text), &wire); err != nil {
		return nil, invalid("filter: %s", strings.TrimPrefix(err.Error(), "the body "))
	}
	if len(wire.Predicates) > maxPredicates {
		return nil, invalid("filter: %d predicates, at most %d are allowed", len(wire.Predicates), maxPredicates)
	}
	out := make([]sqlstore.Predicate, len(wire.Predicates))
	for i := range wire.Predicates {
		p, err := wire.Predicates[i].predicate()
		if err != nil {
			return nil, invalid("filter: predicates[%d]: %v", i, err)
		}
		out[i] = p
	}
	return out, nil
}

func (w *predicateWire) predicate() (sqlstore.Predicate, error) {
	p := sqlstore.Predicate{Key: w.Key}
	if w.Key == "" {
		return p, fmt.Errorf("key: must not be empty")
	}
	op, err := operation(w.Operation)
	if err != nil {
		return p, err
	}
	p.Op = op
	values := w.values()
	if len(values) != 1 {
		return p, fmt.Errorf("expected one value (string_value, int_value, long_value, timestamp_value, or string_values, int_values, long_values for IN), found %d", len(values))
	}
	p.Value = values[0]
	if _, list := p.Value.([]any); list != (op == sqlstore.OpIn) {
		return p, fmt.Errorf("IN needs a list of values, and the other operations need one value")
	}
	return p, nil
}

func operation(raw json.RawMessage) (sqlstore.Op, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		if op, ok := operations[name]; ok {
			return op, nil
		}
		return 0, fmt.Errorf("operation: unknown operation %q", name)
	}
	var number int
	if json.Unmarshal(raw, &number) == nil {
		for _, op := range operations {
			if int(op) == number {
				return op, nil
			}
		}
	}
	return 0, fmt.Errorf("operation: unknown operation %s", string(raw))
}

func (w *predicateWire) values() []any {
	var out []any
	if w.IntValue != nil {
		out = append(out, int64(*w.IntValue))
	}
	if w.LongValue != nil {
		out = append(out, *w.LongValue)
	}
	if w.StringValue != nil {
		out = append(out, *w.StringValue)
	}
	if w.TimestampValue != nil {
		out = append(out, *w.TimestampValue)
	}
	if w.IntValues != nil {
		out = append(out, boxed(w.IntValues.Values, func(v int32) any { return int64(v) }))
	}
	if w.LongValues != nil {
		out = append(out, boxed(w.LongValues.Values, func(v int64) any { return v }))
	}
	if w.StringValues != nil {
		out = append(out, boxed(w.StringValues.Values, func(v string) any { return v }))
	}
	return out
}

func boxed[T any](values []T, box func(T) any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = box(v)
	}
	return out
}

// convert maps a page's items to their wire form.
func convert[T, W any](items []T, to func(T) W) []W {
	out := make([]W, len(items))
	for i := range items {
		out[i] = to(items[i])
	}
	return out
}

// sorted walks a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
