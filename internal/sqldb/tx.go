package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// maxStatements bounds the prepared statements kept for one connection. Lists
// with filters make many texts; the rest are some dozens.
const maxStatements = 256

// conn is a connection with its prepared statements.
type conn struct {
	sql   *sql.Conn
	stmts map[string]*sql.Stmt
}

func newConn(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		for text, s := range c.stmts {
			if err := s.Close(); err != nil {
				return nil, err
			}
			delete(c.stmts, text)
			break
		}
	}
	s, err := c.sql.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, query string) error {
	s, err := c.prepare(ctx, query) //nolint:sqlclosecheck // kept while the connection lives
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx)
	return err
}

func (c *conn) close() error {
	var err error
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.sql.Close())
}

// Tx is a running transaction. It is used by one goroutine, and only until the
// function that received it returns.
type Tx struct {
	ctx  context.Context
	conn *conn
}

// Exec runs a statement and returns how many rows it touched.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := t.conn.prepare(t.ctx, query) //nolint:sqlclosecheck // kept while the connection lives
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row runs a query for at most one row and scans it; sql.ErrNoRows says that
// there is none.
func (t *Tx) Row(query string, args []any, dest ...any) error {
	s, err := t.conn.prepare(t.ctx, query) //nolint:sqlclosecheck // kept while the connection lives
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}

// Rows runs a query and calls scan for each row. scan must not use the Tx.
func (t *Tx) Rows(query string, args []any, scan func(Scanner) error) (err error) {
	s, err := t.conn.prepare(t.ctx, query) //nolint:sqlclosecheck // kept while the connection lives
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Scanner is a row under the cursor.
type Scanner interface{ Scan(dest ...any) error }

// Read runs fn on a consistent snapshot. fn must not write.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) (err error) {
	c, err := db.reader(ctx)
	if err != nil {
		return err
	}
	if err := c.exec(ctx, "BEGIN"); err != nil {
		db.discard(c)
		return fmt.Errorf("begin read: %w", err)
	}
	ok := false
	defer func() {
		// A canceled ctx must not keep the connection in its transaction.
		if end := c.exec(context.WithoutCancel(ctx), "ROLLBACK"); end != nil || !ok {
			db.discard(c)
			return
		}
		db.idle <- c
	}()
	err = fn(&Tx{ctx: ctx, conn: c})
	ok = true
	return err
}

// reader takes an idle connection or opens one while there is room.
func (db *DB) reader(ctx context.Context) (*conn, error) {
	select {
	case c := <-db.idle:
		return c, nil
	default:
	}
	select {
	case c := <-db.idle:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case db.slots <- struct{}{}:
	}
	// The connection outlives this call, so it must not end with it.
	c, err := newConn(context.WithoutCancel(ctx), db.reads)
	if err != nil {
		<-db.slots
		return nil, err
	}
	return c, nil
}

func (db *DB) discard(c *conn) {
	_ = c.close() // it is being thrown away because it failed already
	<-db.slots
}
