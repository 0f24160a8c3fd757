package ir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of a document.
const (
	// MaxSize is the largest document in bytes that Parse reads.
	MaxSize = 32 << 20
	// maxAliased is how many nodes YAML aliases may add: each other node takes at
	// least a byte of the text.
	maxAliased = 20_000
	maxDepth   = 100
	// maxDocuments leaves room for empty ones.
	maxDocuments = 10
)

// kind of a node.
type kind int

const (
	nullKind kind = iota
	scalarKind
	listKind
	mapKind
)

// node is a document's tree, the same for YAML and JSON. raw is the JSON text of
// a scalar; str is set for strings. line and col are 0 where unknown.
type node struct {
	kind      kind
	raw       json.RawMessage
	str       string
	isString  bool
	list      []*node
	entries   []entry
	line, col int
}

type entry struct {
	key   string
	at    *node // position of the key
	value *node
}

func (n *node) get(keys ...string) *node {
	if n == nil || n.kind != mapKind {
		return nil
	}
	for _, e := range n.entries {
		for _, k := range keys {
			if e.key == k {
				return e.value
			}
		}
	}
	return nil
}

// json is the node's value as compact JSON; keys keep their order.
func (n *node) json() json.RawMessage {
	var out bytes.Buffer
	n.write(&out)
	return out.Bytes()
}

func (n *node) write(out *bytes.Buffer) {
	switch n.kind {
	case nullKind:
		out.WriteString("null")
	case scalarKind:
		out.Write(n.raw)
	case listKind:
		out.WriteByte('[')
		for i, x := range n.list {
			if i > 0 {
				out.WriteByte(',')
			}
			x.write(out)
		}
		out.WriteByte(']')
	case mapKind:
		out.WriteByte('{')
		for i, e := range n.entries {
			if i > 0 {
				out.WriteByte(',')
			}
			out.Write(quote(e.key))
			out.WriteByte(':')
			e.value.write(out)
		}
		out.WriteByte('}')
	}
}

func quote(s string) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return nil
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// readDocuments reads JSON if the text begins with a brace, else YAML.
func readDocuments(data []byte) ([]*node, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the document has %d bytes, more than %d", len(data), MaxSize)
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		n, err := readJSON(trimmed)
		return []*node{n}, err
	}
	return readYAML(data)
}

func readYAML(data []byte) (docs []*node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	budget := len(data) + maxAliased
	for range maxDocuments {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, fmt.Errorf("unreadable YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		n, err := fromYAML(&doc, &budget, 0)
		if err != nil {
			return nil, err
		}
		if n.kind == nullKind { // an empty document between separators
			continue
		}
		docs = append(docs, n)
	}
	return nil, errors.New("too many YAML documents")
}

func fromYAML(y *yaml.Node, budget *int, depth int) (*node, error) {
	if *budget--; *budget < 0 {
		return nil, fmt.Errorf("line %d: the document is too large", y.Line)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d, column %d: nested more than %d levels deep", y.Line, y.Column, maxDepth)
	}
	n := &node{line: y.Line, col: y.Column}
	switch y.Kind {
	case yaml.DocumentNode:
		if len(y.Content) == 0 {
			return n, nil
		}
		return fromYAML(y.Content[0], budget, depth)
	case yaml.AliasNode:
		return fromYAML(y.Alias, budget, depth+1)
	case yaml.SequenceNode:
		n.kind = listKind
		for _, c := range y.Content {
			x, err := fromYAML(c, budget, depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, x)
		}
		return n, nil
	case yaml.MappingNode:
		return n, mappingYAML(n, y, budget, depth)
	default:
		return n, scalarYAML(n, y)
	}
}

func mappingYAML(n *node, y *yaml.Node, budget *int, depth int) error {
	n.kind = mapKind
	seen := make(map[string]bool, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
			return fmt.Errorf("line %d, column %d: a key must be a plain text", k.Line, k.Column)
		}
		if seen[k.Value] {
			return fmt.Errorf("line %d, column %d: key %q appears twice", k.Line, k.Column, k.Value)
		}
		seen[k.Value] = true
		v, err := fromYAML(y.Content[i+1], budget, depth+1)
		if err != nil {
			return err
		}
		n.entries = append(n.entries, entry{key: k.Value, at: &node{line: k.Line, col: k.Column}, value: v})
	}
	return nil
}

func scalarYAML(n *node, y *yaml.Node) error {
	n.kind = scalarKind
	switch y.ShortTag() {
	case "!!null":
		n.kind = nullKind
	case "!!bool":
		var b bool
		if err := y.Decode(&b); err != nil {
			return fmt.Errorf("line %d, column %d: %q is no boolean", y.Line, y.Column, y.Value)
		}
		n.raw = json.RawMessage(strconv.FormatBool(b))
	case "!!int", "!!float":
		if json.Valid([]byte(y.Value)) { // keep the digits
			n.raw = json.RawMessage(y.Value)
			return nil
		}
		var f float64
		if err := y.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("line %d, column %d: %q is no finite number", y.Line, y.Column, y.Value)
		}
		n.raw = json.RawMessage(strconv.FormatFloat(f, 'f', -1, 64))
	default: // strings, dates and anything tagged otherwise are text
		n.str, n.isString = y.Value, true
		n.raw = quote(y.Value)
	}
	return nil
}

func readJSON(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return jsonValue(dec, 0)
}

func jsonValue(dec *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("unreadable JSON: %w", err)
	}
	n := &node{kind: scalarKind}
	switch t := tok.(type) {
	case nil:
		n.kind = nullKind
	case string:
		n.str, n.isString, n.raw = t, true, quote(t)
	case bool:
		n.raw = json.RawMessage(strconv.FormatBool(t))
	case json.Number:
		n.raw = json.RawMessage(t)
	case json.Delim:
		if t == '[' {
			n.kind = listKind
			return n, jsonList(dec, n, depth)
		}
		n.kind = mapKind
		return n, jsonMap(dec, n, depth)
	}
	return n, nil
}

func jsonList(dec *json.Decoder, n *node, depth int) error {
	for dec.More() {
		x, err := jsonValue(dec, depth+1)
		if err != nil {
			return err
		}
		n.list = append(n.list, x)
	}
	_, err := dec.Token()
	return err
}

func jsonMap(dec *json.Decoder, n *node, depth int) error {
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return fmt.Errorf("unreadable JSON: %w", err)
		}
		key, _ := tok.(string)
		if seen[key] {
			return fmt.Errorf("key %q appears twice", key)
		}
		seen[key] = true
		v, err := jsonValue(dec, depth+1)
		if err != nil {
			return err
		}
		n.entries = append(n.entries, entry{key: key, at: &node{}, value: v})
	}
	_, err := dec.Token()
	return err
}
