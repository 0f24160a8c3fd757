package instance

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/cli/term"
	"github.com/slipway-ml/slipway/internal/local"
	"github.com/slipway-ml/slipway/internal/local/children"
)

// display shows how a start goes: a table that is drawn anew on a terminal, a line
// for each change elsewhere.
type display struct {
	streams *term.Streams
	began   time.Time
	lines   int // that are on the terminal now
	spoke   time.Time
	seen    map[string]children.State
}

func (d *display) draw(st local.Status) {
	if !d.streams.OutTTY {
		d.log(st)
		return
	}
	var b strings.Builder
	for _, c := range st.Components {
		sign := d.streams.Paint(term.Grey, "·")
		switch {
		case c.State.OK():
			sign = d.streams.Paint(term.Green, "✓")
		case c.State == children.Restarting:
			sign = d.streams.Paint(term.Red, "✗")
		case c.State == children.Starting:
			sign = d.streams.Paint(term.Blue, "…")
		}
		fmt.Fprintf(&b, " %s %-24s %s\n", sign, c.Name, d.note(c))
	}
	fmt.Fprintf(&b, " %s\n", d.streams.Paint(term.Grey, fmt.Sprintf("%.0f s", time.Since(d.began).Seconds())))
	d.clear()
	d.lines = strings.Count(b.String(), "\n")
	_, _ = fmt.Fprint(d.streams.Out, b.String()) // a display that cannot be written is no failure
}

// note says why a component is not ready, when that is worth a word.
func (d *display) note(c children.Status) string {
	if c.Restarts == 0 {
		return ""
	}
	text := term.Plain(c.Error)
	if most := max(20, d.streams.Width()-32); len(text) > most {
		text = text[:most]
	}
	return text
}

// clear removes what is on the terminal.
func (d *display) clear() {
	if d.lines > 0 {
		_, _ = fmt.Fprintf(d.streams.Out, "\x1b[%dA\x1b[J", d.lines)
		d.lines = 0
	}
}

// quiet is how long a start that is not on a terminal may say nothing.
const quiet = 15 * time.Second

func (d *display) log(st local.Status) {
	if d.seen == nil {
		d.seen, d.spoke = map[string]children.State{}, time.Now()
	}
	for _, c := range st.Components {
		if d.seen[c.Name] == c.State || c.State == children.Waiting || c.State == children.Starting {
			continue
		}
		d.seen[c.Name], d.spoke = c.State, time.Now()
		_, _ = fmt.Fprintf(d.streams.Out, "%5.1f s  %s: %s %s\n", time.Since(d.began).Seconds(), c.Name, strings.ToLower(string(c.State)), d.note(c))
	}
	if time.Since(d.spoke) > quiet && len(st.Pending()) > 0 {
		c := st.Pending()[0]
		d.spoke = time.Now()
		_, _ = fmt.Fprintf(d.streams.Out, "%5.1f s  still waiting for %s: %s\n", time.Since(d.began).Seconds(), c.Name, term.Plain(c.Error))
	}
}
