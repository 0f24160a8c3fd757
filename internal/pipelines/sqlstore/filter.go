package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Op is an operation of a predicate, numbered as in KFP's filter.proto.
type Op int

// Operations. There is no 4.
const (
	OpEquals            Op = 1
	OpNotEquals         Op = 2
	OpGreaterThan       Op = 3
	OpGreaterThanEquals Op = 5
	OpLessThan          Op = 6
	OpLessThanEquals    Op = 7
	OpIn                Op = 8
	OpIsSubstring       Op = 9
)

var comparisons = map[Op]string{
	OpEquals: "=", OpNotEquals: "<>", OpGreaterThan: ">", OpGreaterThanEquals: ">=", OpLessThan: "<", OpLessThanEquals: "<=",
}

// Predicate is one condition of a filter.
type Predicate struct {
	Key string
	Op  Op
	// Value is a string, an int64 or a time.Time; for OpIn a []any of them.
	Value any
}

// maxIn bounds the values of one OpIn.
const maxIn = 1000

// filter adds a predicate to the conditions.
func filter[T any](t *table[T], where *conditions, p Predicate) error {
	f, tag, err := t.field(p.Key)
	if err != nil {
		return invalid("filter: %v", err)
	}
	switch {
	case f.tags:
		return filterTag(where, p, tag)
	case p.Op == OpIn:
		return filterIn(where, f, p)
	case p.Op == OpIsSubstring:
		text, ok := p.Value.(string)
		if !ok || f.time {
			return invalid("filter: %s: IS_SUBSTRING needs a string_value and a text", p.Key)
		}
		where.add(f.column, `LOWER(t.`+f.column+`) LIKE ? ESCAPE '\'`, "%"+escapeLike(strings.ToLower(text))+"%")
		return nil
	}
	sign, ok := comparisons[p.Op]
	if !ok {
		return invalid("filter: %s: unknown operation %d", p.Key, p.Op)
	}
	value, err := argument(f, p.Key, p.Value)
	if err != nil {
		return err
	}
	// Two storage states: what is not the one is the other, and that has an index.
	if other, ok := otherStorage(f, p.Op, value); ok {
		sign, value = "=", other
	}
	where.add(f.column, fmt.Sprintf("t.%s %s ?", f.column, sign), value)
	if f.time && strings.HasPrefix(sign, "<") {
		where.add(f.column, fmt.Sprintf("t.%s > 0", f.column)) // 0: it has not happened
	}
	return nil
}

func otherStorage(f field, op Op, value any) (string, bool) {
	if f.column != "storage_state" || op != OpNotEquals {
		return "", false
	}
	switch value {
	case "ARCHIVED":
		return "AVAILABLE", true
	case "AVAILABLE":
		return "ARCHIVED", true
	default:
		return "", false
	}
}

func filterIn(where *conditions, f field, p Predicate) error {
	values, ok := p.Value.([]any)
	if !ok || len(values) == 0 || len(values) > maxIn {
		return invalid("filter: %s: IN needs string_values, int_values or long_values with 1 to %d values", p.Key, maxIn)
	}
	args := make([]any, len(values))
	for i, v := range values {
		arg, err := argument(f, p.Key, v)
		if err != nil {
			return err
		}
		args[i] = arg
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(args)), ", ")
	where.add(f.column, "t."+f.column+" IN ("+marks+")", args...)
	return nil
}

// filterTag looks for "key":"value" in the stored map. JSON escapes every quote
// inside a string, so that text stands nowhere else.
func filterTag(where *conditions, p Predicate, tag string) error {
	value, ok := p.Value.(string)
	if !ok || p.Op != OpEquals || tag == "" {
		return invalid("filter: %s: tags can only be compared by EQUALS with a string_value", p.Key)
	}
	key, err := json.Marshal(tag)
	if err != nil {
		return invalid("filter: %s: %v", p.Key, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return invalid("filter: %s: %v", p.Key, err)
	}
	where.add("tags", "REPLACE(t.tags, ?, '') <> t.tags", string(key)+":"+string(text))
	return nil
}

// argument is a predicate's value as the column stores it.
func argument(f field, key string, value any) (any, error) {
	if f.time {
		return parseTime(key, value)
	}
	text, ok := value.(string)
	if !ok {
		return nil, invalid("filter: %s is a text: it needs a string_value", key)
	}
	return text, nil
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
