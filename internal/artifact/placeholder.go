package artifact

import "strings"

// Ref is a parsed placeholder. Path holds its names from left to right: nothing
// for {{$}}, ["inputs","parameters","n"] for {{$.inputs.parameters['n']}},
// ["outputs","artifacts","m","metadata","k"] and the like.
type Ref struct {
	Text string // as written, with braces
	Path []string
}

// Is reports whether the path begins with the given names.
func (r Ref) Is(names ...string) bool {
	if len(r.Path) < len(names) {
		return false
	}
	for i, name := range names {
		if r.Path[i] != name {
			return false
		}
	}
	return true
}

const (
	placeholderOpen  = "{{$"
	placeholderClose = "}}"
)

// Expand replaces the placeholders in s by what resolve says. One that resolve
// does not know (ok is false), and text that only looks like one, stays as it is.
// What was put in is not expanded again.
func Expand(s string, resolve func(Ref) (text string, ok bool)) string {
	at := strings.Index(s, placeholderOpen)
	if at < 0 {
		return s
	}
	var out strings.Builder
	for at >= 0 {
		ref, n, ok := parseRef(s[at:])
		if !ok {
			n = len(placeholderOpen)
		}
		text, known := "", false
		if ok {
			text, known = resolve(ref)
		}
		out.WriteString(s[:at])
		if known {
			out.WriteString(text)
		} else {
			out.WriteString(s[at : at+n])
		}
		s = s[at+n:]
		at = strings.Index(s, placeholderOpen)
	}
	out.WriteString(s)
	return out.String()
}

// Refs lists the placeholders in s, in order.
func Refs(s string) []Ref {
	var refs []Ref
	Expand(s, func(r Ref) (string, bool) {
		refs = append(refs, r)
		return "", false
	})
	return refs
}

// Whole parses s if it is one placeholder and nothing else.
func Whole(s string) (Ref, bool) {
	if !strings.HasPrefix(s, placeholderOpen) {
		return Ref{}, false
	}
	ref, n, ok := parseRef(s)
	return ref, ok && n == len(s)
}

// parseRef parses a placeholder at the start of s and returns its length.
func parseRef(s string) (Ref, int, bool) {
	var path []string
	i := len(placeholderOpen)
	for i < len(s) {
		rest := s[i:]
		switch {
		case strings.HasPrefix(rest, placeholderClose):
			n := i + len(placeholderClose)
			return Ref{Text: s[:n], Path: path}, n, true
		case rest[0] == '.':
			n := nameLen(rest[1:])
			if n == 0 {
				return Ref{}, 0, false
			}
			path = append(path, rest[1:1+n])
			i += 1 + n
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return Ref{}, 0, false
			}
			path = append(path, rest[2:2+end])
			i += 2 + end + 2
		default:
			return Ref{}, 0, false
		}
	}
	return Ref{}, 0, false
}

// nameLen is the length of the identifier at the start of s.
func nameLen(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return i
		}
	}
	return len(s)
}
