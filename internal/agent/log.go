package agent

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// The log is archived in chunks, because objects cannot be appended to: "log",
// then "log-00001" and on, in the order of their names. The chunk being written
// is sent again when it has grown.
const (
	chunkSize  = 2 << 20
	maxChunks  = 512 // 1 GiB a step
	firstFlush = 2 * time.Second
	flushEvery = 10 * time.Second
	tailSize   = 4 << 10
)

// logArchive is a writer that hands on to the container's own output and keeps a
// copy in the object store.
type logArchive struct {
	out io.Writer
	put func(ctx context.Context, name string, data []byte) error

	mu     sync.Mutex
	chunk  []byte // the open one
	number int    // of the open chunk
	dirty  bool
	full   bool
	tail   []byte

	sealed chan sealedChunk // bounded: a store that is away slows the command down
	done   chan struct{}
}

type sealedChunk struct {
	name string
	data []byte
}

func newLogArchive(ctx context.Context, out io.Writer, put func(context.Context, string, []byte) error) *logArchive {
	l := &logArchive{out: out, put: put, sealed: make(chan sealedChunk, 2), done: make(chan struct{})}
	go l.upload(ctx)
	return l
}

func chunkName(n int) string {
	if n == 0 {
		return attempt.LogName
	}
	return fmt.Sprintf("%s-%05d", attempt.LogName, n)
}

// Write never fails: a log that cannot be shown is no reason to end a command.
func (l *logArchive) Write(p []byte) (int, error) {
	_, _ = l.out.Write(p)
	for rest := p; len(rest) > 0; {
		n, full := l.keep(rest)
		rest = rest[n:]
		if full.data != nil {
			l.sealed <- full
		}
	}
	return len(p), nil
}

// keep adds to the open chunk as much as it takes, and returns it once it is full.
func (l *logArchive) keep(p []byte) (int, sealedChunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		l.keepTail(p)
		return len(p), sealedChunk{}
	}
	n := min(len(p), chunkSize-len(l.chunk))
	l.chunk = append(l.chunk, p[:n]...)
	l.keepTail(p[:n])
	l.dirty = true
	if len(l.chunk) < chunkSize {
		return n, sealedChunk{}
	}
	full := sealedChunk{chunkName(l.number), l.chunk}
	l.chunk, l.dirty = nil, false
	l.number++
	if l.number == maxChunks {
		l.full, l.dirty = true, true
		l.chunk = []byte("[the rest of this log is not kept: it is larger than 1 GiB]\n")
	}
	return n, full
}

func (l *logArchive) keepTail(p []byte) {
	l.tail = append(l.tail, p...)
	if len(l.tail) > 2*tailSize {
		l.tail = append(l.tail[:0], l.tail[len(l.tail)-tailSize:]...)
	}
}

// Tail returns the last whole lines, at most 4 KiB.
func (l *logArchive) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tail
	if len(t) > tailSize {
		t = t[len(t)-tailSize:]
		if i := strings.IndexByte(string(t), '\n'); i >= 0 {
			t = t[i+1:]
		}
	}
	return strings.ToValidUTF8(string(t), "�")
}

// upload sends sealed chunks at once and the open one from time to time.
func (l *logArchive) upload(ctx context.Context) {
	defer close(l.done)
	timer := time.NewTimer(firstFlush)
	defer timer.Stop()
	for {
		select {
		case c, ok := <-l.sealed:
			if !ok {
				l.flush(ctx)
				return
			}
			_ = l.put(ctx, c.name, c.data)
		case <-timer.C:
			l.flush(ctx)
			timer.Reset(flushEvery)
		}
	}
}

func (l *logArchive) flush(ctx context.Context) {
	l.mu.Lock()
	dirty, name := l.dirty, chunkName(l.number)
	data := append([]byte(nil), l.chunk...)
	l.dirty = false
	l.mu.Unlock()
	if dirty {
		_ = l.put(ctx, name, data)
	}
}

// Close sends what is left and waits for it. Nothing may be written afterwards.
func (l *logArchive) Close() {
	close(l.sealed)
	<-l.done
}

// lastLine is the last line of a log that says something.
func lastLine(tail string) string {
	lines := strings.Split(strings.TrimSpace(tail), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if len(last) > 300 {
		last = strings.ToValidUTF8(last[:300], "") + "..."
	}
	return last
}
