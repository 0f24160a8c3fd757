package sqldb

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/fnv"
)

// ErrCursor says that a page token is none of ours, or belongs to another query.
var ErrCursor = errors.New("the page token does not belong to this query")

// Cursor is where a page ended: the sort key and the id of its last row.
type Cursor struct {
	Key any    `json:"k"` // string or int64
	ID  string `json:"i"`
	// Query is the hash of what was asked; see QueryHash.
	Query uint64 `json:"q,string"`
}

// QueryHash condenses what must not change between two pages.
func QueryHash(query any) (uint64, error) {
	raw, err := json.Marshal(query)
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	h.Write(raw)
	return h.Sum64(), nil
}

// Token is the cursor as an opaque text.
func (c Cursor) Token() (string, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// ParseCursor reads a token that was made for the query with this hash.
func ParseCursor(token string, query uint64) (Cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return Cursor{}, ErrCursor
	}
	var wire struct {
		Key   json.RawMessage `json:"k"`
		ID    string          `json:"i"`
		Query uint64          `json:"q,string"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil || wire.Query != query {
		return Cursor{}, ErrCursor
	}
	cursor := Cursor{ID: wire.ID, Query: query}
	var text string
	if json.Unmarshal(wire.Key, &text) == nil {
		cursor.Key = text
		return cursor, nil
	}
	var number int64
	if err := json.Unmarshal(wire.Key, &number); err != nil {
		return Cursor{}, ErrCursor
	}
	cursor.Key = number
	return cursor, nil
}
