package ir

import (
	"fmt"
	"strings"
)

// Error is one thing that is wrong with a document, and where.
type Error struct {
	Path         string // for example root.dag.tasks[train].inputs.parameters[x]
	Line, Column int    // 0 where unknown (JSON)
	Message      string
}

func (e Error) Error() string {
	at := e.Path
	if e.Line > 0 {
		at += fmt.Sprintf(" (line %d, column %d)", e.Line, e.Column)
	}
	if at == "" {
		return e.Message
	}
	return strings.TrimSpace(at) + ": " + e.Message
}

// Errors are all that was found, in document order, at most maxErrors.
type Errors []Error

const maxErrors = 20

func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i := range e {
		texts[i] = e[i].Error()
	}
	return strings.Join(texts, "; ")
}

// locate is the node that a path names, or the nearest one above it.
func locate(n *node, path string) *node {
	for path != "" && n != nil {
		next, rest := step(n, path)
		if next == nil {
			return n
		}
		n, path = next, strings.TrimPrefix(rest, ".")
	}
	return n
}

// step follows the first element of path. Keys may hold any character, so they are
// matched against what is there instead of being parsed.
func step(n *node, path string) (next *node, rest string) {
	for i, x := range n.list {
		if rest, ok := strings.CutPrefix(path, fmt.Sprintf("[%d]", i)); ok {
			return x, rest
		}
	}
	for _, e := range n.entries {
		for _, key := range []string{"[" + e.key + "]", e.key, camel(e.key)} {
			rest, ok := strings.CutPrefix(path, key)
			if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return e.value, rest
			}
		}
	}
	return nil, path
}

func camel(snake string) string {
	parts := strings.Split(snake, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}
