package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// encoder writes JSON without escapes for HTML, so that people can read it. It
// keeps its buffer.
type encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

func (e *encoder) encode(v any) (json.RawMessage, error) {
	if e.enc == nil {
		e.enc = json.NewEncoder(&e.buf)
		e.enc.SetEscapeHTML(false)
	}
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.Clone(bytes.TrimRight(e.buf.Bytes(), "\n")), nil
}
