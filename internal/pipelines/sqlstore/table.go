package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
)

// table maps a noun to its table: values and scan follow the order of columns.
type table[T any] struct {
	name string
	// selectSQL reads all columns; insertSQL and upsertSQL write them.
	selectSQL, insertSQL, upsertSQL string

	values func(*T) []any
	scan   func(*T) []any
	// fields are the keys by which lists are filtered and sorted.
	fields map[string]field
	// ending of a page: the row's sort key and id. Set where the noun is listed.
	id func(*T) string
}

// specColumn reads a row's spec in place of its digest.
const specColumn = `(SELECT body FROM specs WHERE specs.namespace = t.namespace AND specs.digest = t.spec)`

// withSQL fills in the statements. The first keys columns are the primary key.
func (t table[T]) withSQL(name string, keys int, columns ...string) *table[T] {
	t.name = name
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	t.insertSQL = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, strings.Join(columns, ", "), marks)
	updates := make([]string, 0, len(columns)-keys)
	for _, c := range columns[keys:] {
		updates = append(updates, c+" = excluded."+c)
	}
	t.upsertSQL = fmt.Sprintf("%s ON CONFLICT (%s) DO UPDATE SET %s", t.insertSQL,
		strings.Join(columns[:keys], ", "), strings.Join(updates, ", "))
	reads := make([]string, len(columns))
	for i, c := range columns {
		reads[i] = "t." + c
		if c == "spec" {
			reads[i] = specColumn
		}
	}
	t.selectSQL = fmt.Sprintf("SELECT %s FROM %s t", strings.Join(reads, ", "), name)
	return &t
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// rawInto scans JSON text (or NULL) into raw, compact as it was stored.
func rawInto(raw *json.RawMessage) any { return (*rawScanner)(raw) }

type rawScanner json.RawMessage

func (r *rawScanner) Scan(src any) error {
	switch text := src.(type) {
	case nil:
		*r = nil
	case string:
		if text != "" {
			*r = rawScanner(text)
		}
	case []byte:
		if len(text) > 0 {
			*r = append(rawScanner(nil), text...)
		}
	default:
		return fmt.Errorf("JSON stored as %T", src)
	}
	return nil
}
