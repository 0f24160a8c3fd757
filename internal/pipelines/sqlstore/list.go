package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/sqldb"
)

// Page sizes: unset means DefaultPageSize, more than MaxPageSize means that.
const (
	DefaultPageSize = 20
	MaxPageSize     = 200
)

// ListQuery is one request for a page.
type ListQuery struct {
	Namespace string
	// Parent narrows the list to one experiment, pipeline or run.
	Parent string
	Filter []Predicate
	// SortBy is "<field> [asc|desc]"; empty: by time of creation.
	SortBy    string
	PageSize  int
	PageToken string
}

// Page is one page of a list. Total counts all pages.
type Page[T any] struct {
	Items     []T
	NextToken string
	Total     int
}

// InvalidError is a list that was asked for wrongly; its text is for the caller.
type InvalidError struct{ Message string }

func (e *InvalidError) Error() string { return e.Message }

func invalid(format string, args ...any) error {
	return &InvalidError{Message: fmt.Sprintf(format, args...)}
}

// field is a key of filters and sorting.
type field struct {
	column string
	time   bool // stored as microseconds
	tags   bool // a JSON map; the key's rest after "tags." is the map's key
}

func (t *table[T]) field(key string) (f field, tag string, err error) {
	if f, ok := t.fields[key]; ok && !f.tags {
		return f, "", nil
	}
	if f, ok := t.fields["tags."]; ok && strings.HasPrefix(key, "tags.") {
		return f, strings.TrimPrefix(key, "tags."), nil
	}
	return field{}, "", fmt.Errorf("unknown key %q", key)
}

type order struct {
	column string
	desc   bool
}

func (t *table[T]) order(sortBy string) (order, error) {
	parts := strings.Fields(sortBy)
	if len(parts) == 0 {
		return order{column: "created_at"}, nil
	}
	f, tag, err := t.field(parts[0])
	if err != nil || tag != "" {
		return order{}, invalid("sort_by: cannot sort by %q", parts[0])
	}
	o := order{column: f.column}
	switch {
	case len(parts) == 1:
	case len(parts) == 2 && strings.EqualFold(parts[1], "asc"):
	case len(parts) == 2 && strings.EqualFold(parts[1], "desc"):
		o.desc = true
	default:
		return order{}, invalid(`sort_by: %q is not "<field> [asc|desc]"`, sortBy)
	}
	return o, nil
}

// list reads one page by its keys: however far down, a page costs the same.
// parent is the column that q.Parent narrows.
func list[T any](ctx context.Context, s *Store, t *table[T], q ListQuery, parent string) (Page[T], error) {
	o, err := t.order(q.SortBy)
	if err != nil {
		return Page[T]{}, err
	}
	where := conditions{}
	where.add("namespace", "t.namespace = ?", q.Namespace)
	if q.Parent != "" && parent != "" {
		where.add(parent, "t."+parent+" = ?", q.Parent)
	}
	for _, p := range q.Filter {
		if err := filter(t, &where, p); err != nil {
			return Page[T]{}, err
		}
	}
	hash, err := sqldb.QueryHash([]any{t.name, where.texts, where.args, o.column, o.desc})
	if err != nil {
		return Page[T]{}, err
	}
	all := where
	if q.PageToken != "" {
		cursor, err := sqldb.ParseCursor(q.PageToken, hash)
		if err != nil {
			return Page[T]{}, invalid("page_token: %v; start again without one when filter or sort_by change", err)
		}
		where.after(o, cursor)
	}
	size := pageSize(q.PageSize)
	page := Page[T]{}
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		if page.Total, err = total(tx, t, all); err != nil {
			return err
		}
		return readPage(tx, t, &page, where, o, size, hash)
	})
	if err != nil {
		return Page[T]{}, fmt.Errorf("list %s: %w", t.name, err)
	}
	return page, nil
}

// readPage fills page with up to size rows and the token of the next page.
func readPage[T any](tx *sqldb.Tx, t *table[T], page *Page[T], where conditions, o order, size int, hash uint64) error {
	direction := ""
	if o.desc {
		direction = " DESC"
	}
	query := fmt.Sprintf("%s WHERE %s ORDER BY t.%s%s, t.id%s LIMIT ?", strings.Replace(t.selectSQL, "SELECT ", "SELECT t."+o.column+", ", 1),
		where.String(), o.column, direction, direction)
	var key any
	var token string
	err := tx.Rows(query, append(where.args[:len(where.args):len(where.args)], size+1), func(row sqldb.Scanner) error {
		var item T
		var next any
		if err := row.Scan(append([]any{&next}, t.scan(&item)...)...); err != nil {
			return err
		}
		if len(page.Items) == size {
			var err error
			token, err = sqldb.Cursor{Key: key, ID: t.id(&page.Items[size-1]), Query: hash}.Token()
			return err
		}
		key = next
		page.Items = append(page.Items, item)
		return nil
	})
	page.NextToken = token
	return err
}

func pageSize(asked int) int {
	if asked <= 0 {
		return DefaultPageSize
	}
	return min(asked, MaxPageSize)
}

// conditions are joined by AND.
type conditions struct {
	columns []string // those that the texts look at
	texts   []string
	args    []any
}

// add adds a condition on one column, which text calls "t.<column>".
func (c *conditions) add(column, text string, args ...any) {
	c.columns = append(c.columns[:len(c.columns):len(c.columns)], column)
	c.texts = append(c.texts[:len(c.texts):len(c.texts)], text)
	c.args = append(c.args[:len(c.args):len(c.args)], args...)
}

func (c *conditions) after(o order, cursor sqldb.Cursor) {
	sign := ">"
	if o.desc {
		sign = "<"
	}
	c.add(o.column, fmt.Sprintf("(t.%s, t.id) %s (?, ?)", o.column, sign), cursor.Key, cursor.ID)
}

func (c *conditions) String() string { return strings.Join(c.texts, " AND ") }

// parseTime reads the value of a predicate on a time: RFC 3339, or Unix seconds.
func parseTime(key string, value any) (int64, error) {
	switch v := value.(type) {
	case time.Time:
		return sqldb.Micros(v), nil
	case int64:
		const end = 1 << 40 // far beyond any year, and no overflow
		return min(max(v, -end), end) * 1e6, nil
	case string:
		at, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return 0, invalid("filter: %s: %q is no RFC 3339 time", key, v)
		}
		return sqldb.Micros(at), nil
	default:
		return 0, invalid("filter: %s needs a timestamp_value", key)
	}
}
