package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

const versionsTable = `CREATE TABLE IF NOT EXISTS schema_versions (
	domain  TEXT NOT NULL,
	version BIGINT NOT NULL,
	name    TEXT NOT NULL,
	PRIMARY KEY (domain, version)
)`

type migration struct {
	version int
	name    string
	sql     string
}

// Migrate brings a domain's tables to the newest version that files hold. Files
// are named "0001_what_it_does.sql", numbered without gaps from 1; each runs once,
// forward only, in a transaction of its own. A database that a newer program has
// migrated is refused.
func Migrate(ctx context.Context, db *DB, domain string, files fs.FS) error {
	migrations, err := readMigrations(files)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", domain, err)
	}
	if err := db.Tx(ctx, func(tx *Tx) error { _, err := tx.Exec(versionsTable); return err }); err != nil {
		return fmt.Errorf("migrations of %s: %w", domain, err)
	}
	for _, m := range migrations {
		if err := db.Tx(ctx, func(tx *Tx) error { return m.apply(tx, domain) }); err != nil {
			return fmt.Errorf("migration %s of %s: %w", m.name, domain, err)
		}
	}
	return db.Read(ctx, func(tx *Tx) error {
		current, err := version(tx, domain)
		if err != nil {
			return err
		}
		if current > len(migrations) {
			return fmt.Errorf("the database's %s tables have version %d, this program knows %d: use the newer program", domain, current, len(migrations))
		}
		return nil
	})
}

func version(tx *Tx, domain string) (int, error) {
	var v int
	err := tx.Row(`SELECT COALESCE(MAX(version), 0) FROM schema_versions WHERE domain = ?`, []any{domain}, &v)
	return v, err
}

func (m migration) apply(tx *Tx, domain string) error {
	current, err := version(tx, domain)
	if err != nil || current >= m.version {
		return err
	}
	for _, statement := range statements(m.sql) {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	_, err = tx.Exec(`INSERT INTO schema_versions (domain, version, name) VALUES (?, ?, ?)`, domain, m.version, m.name)
	return err
}

// statements splits a script at the semicolons that end a line; migrations have
// no others.
func statements(script string) []string {
	var out []string
	for part := range strings.SplitSeq(script, ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, strings.TrimSuffix(part, ";"))
		}
	}
	return out
}

func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there are none")
	}
	out := make([]migration, 0, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.Atoi(number)
		if err != nil || v != i+1 {
			return nil, fmt.Errorf("%s: expected number %04d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{version: v, name: name, sql: string(text)})
	}
	return out, nil
}
