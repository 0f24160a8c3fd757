package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	sqlite "modernc.org/sqlite" // registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxReaders bounds the connections that read; each costs a page cache of 2 MiB.
const maxReaders = 6

// DB is an open database. It is safe for concurrent use.
type DB struct {
	writes *sql.DB
	reads  *sql.DB
	writer *writer
	idle   chan *conn    // readers not in use
	slots  chan struct{} // one for each reader that exists
}

// Open opens a database, creating it when absent.
//
// The DSN is "sqlite:<path>", with an optional "?synchronous=full". The default,
// normal, survives any crash of our processes; after a power cut the last
// transactions may be gone, but the file is whole. full survives that too, for
// one fsync a commit.
func Open(ctx context.Context, dsn string) (*DB, error) {
	path, synchronous, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	// The driver would create it readable for everybody; -wal and -shm inherit.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db, err := open(ctx, path, synchronous)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path, synchronous string) (*DB, error) {
	pragmas := url.Values{
		"_pragma":       {"busy_timeout(10000)", "foreign_keys(1)", "temp_store(MEMORY)"},
		"_synchronous":  {synchronous},
		"_dqs":          {"0"},
		"_journal_mode": {"WAL"},
	}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	writes, err := sql.Open("sqlite", name+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	w, err := newConn(ctx, writes)
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	// The first read of a damaged file fails here, where its name is known.
	var tables int
	if err := w.sql.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	pragmas.Set("_query_only", "1")
	reads, err := sql.Open("sqlite", name+pragmas.Encode())
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads.SetMaxOpenConns(maxReaders)
	reads.SetMaxIdleConns(maxReaders)
	return &DB{
		writes: writes, reads: reads, writer: &writer{conn: w},
		idle: make(chan *conn, maxReaders), slots: make(chan struct{}, maxReaders),
	}, nil
}

func parseDSN(dsn string) (path, synchronous string, err error) {
	rest, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok || rest == "" {
		return "", "", fmt.Errorf("database %q: only sqlite:<path> is supported", dsn)
	}
	path, query, _ := strings.Cut(rest, "?")
	options, err := url.ParseQuery(query)
	if err != nil {
		return "", "", fmt.Errorf("database %q: %w", dsn, err)
	}
	synchronous = "NORMAL"
	for key, values := range options {
		value := strings.ToUpper(values[0])
		if key != "synchronous" || (value != "NORMAL" && value != "FULL") {
			return "", "", fmt.Errorf("database %q: unknown option %s=%s (synchronous=normal|full is known)", dsn, key, values[0])
		}
		synchronous = value
	}
	return path, synchronous, nil
}

// Close waits for the running transaction and closes all connections.
func (db *DB) Close() error {
	db.writer.mu.Lock()
	defer db.writer.mu.Unlock()
	err := db.writer.conn.close()
	for {
		select {
		case c := <-db.idle:
			err = errors.Join(err, c.close())
			continue
		default:
		}
		return errors.Join(err, db.reads.Close(), db.writes.Close())
	}
}

// IsDuplicate reports whether err says that a unique key is taken.
func IsDuplicate(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}
