// Package term is how commands speak: streams, tables, colours on a terminal
// only, and the -o json|yaml form that every command has.
package term

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// Streams are a command's inputs and outputs.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTTY and ErrTTY say whether a person sees the stream: colours and live
	// displays are for them alone.
	OutTTY, ErrTTY bool
}

// System are the process's own streams.
func System() *Streams {
	return &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTTY: isTerminal(os.Stdout), ErrTTY: isTerminal(os.Stderr),
	}
}

func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Width is the terminal's width in columns; 100 where there is none.
func (s *Streams) Width() int {
	if f, ok := s.Out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 100
}

// Format is the value of -o.
type Format string

// Output formats. Table is for people.
const (
	Table Format = ""
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	switch Format(s) {
	case JSON, YAML, Table:
		*f = Format(s)
	case "table", "wide":
		*f = Table
	default:
		return fmt.Errorf("unknown format %q: use json, yaml or table", s)
	}
	return nil
}

// String implements pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return "json|yaml|table" }

// Print writes v as JSON or YAML. ok is false for Table: the caller draws it.
func (s *Streams) Print(f Format, v any) (ok bool, err error) {
	switch f {
	case JSON:
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return true, err
		}
		_, err = fmt.Fprintf(s.Out, "%s\n", b)
		return true, err
	case YAML:
		b, err := yaml.Marshal(v)
		if err != nil {
			return true, err
		}
		_, err = s.Out.Write(b)
		return true, err
	default:
		return false, nil
	}
}

// Rows draws a table with a header; cells must not hold tabs or newlines.
func (s *Streams) Rows(header []string, rows [][]string) error {
	w := tabwriter.NewWriter(s.Out, 0, 4, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.ToUpper(strings.Join(header, "\t"))); err != nil {
		return err
	}
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = Plain(c)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// Plain makes text from elsewhere harmless on a terminal: control characters
// become spaces.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// Colour is an ANSI colour.
type Colour string

// The few colours used, always with a word or a sign beside them.
const (
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Blue   Colour = "34"
	Grey   Colour = "90"
	Bold   Colour = "1"
)

// Paint colours text if it goes to a terminal.
func (s *Streams) Paint(c Colour, text string) string {
	if !s.OutTTY {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
