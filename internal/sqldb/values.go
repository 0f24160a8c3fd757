package sqldb

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Micros is how a time is stored: microseconds since 1970; 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros, in UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// TimeInto scans a stored time into t.
func TimeInto(t *time.Time) any { return (*timeScanner)(t) }

type timeScanner time.Time

func (t *timeScanner) Scan(src any) error {
	micros, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time stored as %T", src)
	}
	*t = timeScanner(Time(micros))
	return nil
}

// JSON stores v as JSON text: "" for nil pointers, maps and slices.
func JSON(v any) driver.Valuer { return jsonValue{v} }

type jsonValue struct{ v any }

func (j jsonValue) Value() (driver.Value, error) {
	raw, err := json.Marshal(j.v)
	if err != nil {
		return nil, err
	}
	if string(raw) == "null" {
		return "", nil
	}
	return string(raw), nil
}

// JSONInto scans stored JSON text into v, a pointer; "" leaves v as it is.
func JSONInto(v any) any { return jsonScanner{v} }

type jsonScanner struct{ into any }

func (j jsonScanner) Scan(src any) error {
	switch text := src.(type) {
	case string:
		if text == "" {
			return nil
		}
		return json.Unmarshal([]byte(text), j.into)
	case []byte:
		if len(text) == 0 {
			return nil
		}
		return json.Unmarshal(text, j.into)
	default:
		return fmt.Errorf("JSON stored as %T", src)
	}
}
