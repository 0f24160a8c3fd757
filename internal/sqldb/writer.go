package sqldb

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// maxBatch bounds how many transactions share one commit, so that a steady
// stream of writers cannot put it off for ever.
const maxBatch = 512

// writer is SQLite's one writing connection. Callers run their transactions on
// it in turn; whoever finds nobody waiting behind commits for all before it.
type writer struct {
	waiting atomic.Int64
	mu      sync.Mutex
	conn    *conn
	batch   *batch // the open SQL transaction; nil: none
}

// batch is one SQL transaction that several calls of Tx share.
type batch struct {
	size int
	done chan struct{} // closed once err is set
	err  error
}

// Tx runs fn in a transaction that writes. It is committed when fn returns nil,
// else nothing of it stays. fn must not call Tx or Read, and should be short:
// everybody else's writes wait for it.
//
// ctx is looked at before fn starts; a write that has begun is not interrupted.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	w := db.writer
	w.waiting.Add(1)
	w.mu.Lock()
	w.waiting.Add(-1)
	b, err := w.run(ctx, fn)
	if err != nil {
		return err
	}
	<-b.done
	if b.err != nil {
		return fmt.Errorf("commit: %w", b.err)
	}
	return nil
}

// run executes fn behind a savepoint and leaves the lock; the transaction may
// still be open then.
func (w *writer) run(ctx context.Context, fn func(*Tx) error) (b *batch, err error) {
	own := context.WithoutCancel(ctx)
	defer w.mu.Unlock()
	defer w.leave(own)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.batch == nil {
		if err := w.conn.exec(own, "BEGIN IMMEDIATE"); err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		w.batch = &batch{done: make(chan struct{})}
	}
	b = w.batch
	b.size++
	if err := w.conn.exec(own, "SAVEPOINT own"); err != nil {
		w.abort(own, err)
		return nil, fmt.Errorf("savepoint: %w", err)
	}
	keep := false
	defer func() {
		if keep {
			return
		}
		if undo := w.conn.exec(own, "ROLLBACK TO own"); undo != nil {
			w.abort(own, undo)
		}
	}()
	if err := fn(&Tx{ctx: own, conn: w.conn}); err != nil {
		return nil, err
	}
	if err := w.conn.exec(own, "RELEASE own"); err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	keep = true
	return b, nil
}

// leave commits unless somebody waits who will.
func (w *writer) leave(ctx context.Context) {
	b := w.batch
	if b == nil || (w.waiting.Load() > 0 && b.size < maxBatch) {
		return
	}
	if err := w.conn.exec(ctx, "COMMIT"); err != nil {
		w.abort(ctx, err)
		return
	}
	w.batch = nil
	close(b.done)
}

// abort gives up the whole batch: SQLite ended the transaction by itself (disk
// full, I/O error), so nothing in it can be relied on.
func (w *writer) abort(ctx context.Context, err error) {
	b := w.batch
	if b == nil {
		return
	}
	// It fails where SQLite rolled back already; there is nothing else to do.
	_ = w.conn.exec(ctx, "ROLLBACK")
	b.err = err
	w.batch = nil
	close(b.done)
}
