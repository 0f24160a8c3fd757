package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// changesBuffer bounds the wake-ups that wait to be read. One that finds it full
// is dropped: whoever is that far behind also polls Acquire.
const changesBuffer = 4096

// Store is safe for concurrent use.
type Store struct {
	db      *sqldb.DB
	now     func() time.Time
	changes chan string
}

// New migrates the domain's tables and returns their store.
func New(ctx context.Context, db *sqldb.DB, clock func() time.Time) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := sqldb.Migrate(ctx, db, "pipelines", files); err != nil {
		return nil, err
	}
	return &Store{db: db, now: clock, changes: make(chan string, changesBuffer)}, nil
}

// Changes carries the ids of runs that this process created, deleted, or was
// asked to terminate, so that their reconciler looks at once. It has one reader.
func (s *Store) Changes() <-chan string { return s.changes }

func (s *Store) changed(runID string) {
	select {
	case s.changes <- runID:
	default:
	}
}

// stamp gives a row its time of creation.
func (s *Store) stamp(at *time.Time) {
	if at.IsZero() {
		*at = s.now()
	}
	*at = at.UTC().Truncate(time.Microsecond)
}

// get reads one row by a condition.
func get[T any](tx *sqldb.Tx, t *table[T], what, where string, args ...any) (T, error) {
	var row T
	err := tx.Row(t.selectSQL+" WHERE "+where, args, t.scan(&row)...)
	if errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("%s: %w", what, pipelines.ErrNotFound)
	}
	if err != nil {
		return row, fmt.Errorf("read %s: %w", what, err)
	}
	return row, nil
}

// read is get in a snapshot of its own.
func read[T any](ctx context.Context, s *Store, t *table[T], what, where string, args ...any) (row T, err error) {
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		row, err = get(tx, t, what, where, args...)
		return err
	})
	return row, err
}

// rows reads all rows of a condition, which may end in ORDER BY.
func rows[T any](ctx context.Context, s *Store, t *table[T], where string, args ...any) ([]T, error) {
	var out []T
	err := s.db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Rows(t.selectSQL+" WHERE "+where, args, func(row sqldb.Scanner) error {
			var item T
			if err := row.Scan(t.scan(&item)...); err != nil {
				return err
			}
			out = append(out, item)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	return out, nil
}

// insert adds one row; what names it in "already exists".
func insert[T any](tx *sqldb.Tx, t *table[T], what string, row *T) error {
	_, err := tx.Exec(t.insertSQL, t.values(row)...)
	if sqldb.IsDuplicate(err) {
		return fmt.Errorf("%s: %w", what, pipelines.ErrExists)
	}
	if err != nil {
		return fmt.Errorf("insert %s: %w", what, err)
	}
	return nil
}

// remove deletes the rows of a condition and says how many there were.
func remove(tx *sqldb.Tx, table, where string, args ...any) (int64, error) {
	n, err := tx.Exec("DELETE FROM "+table+" WHERE "+where, args...)
	if err != nil {
		return 0, fmt.Errorf("delete from %s: %w", table, err)
	}
	return n, nil
}

func (s *Store) namespaceOf(ctx context.Context, table, what, id string) (namespace string, err error) {
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Row("SELECT namespace FROM "+table+" WHERE id = ?", []any{id}, &namespace)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%s %s: %w", what, id, pipelines.ErrNotFound)
	}
	return namespace, err
}

// specDigest is the key of a spec in its namespace; "" for no spec.
func specDigest(spec json.RawMessage) string {
	if len(spec) == 0 {
		return ""
	}
	sum := sha256.Sum256(spec)
	return hex.EncodeToString(sum[:])
}

func putSpec(tx *sqldb.Tx, namespace, createdBy string, spec json.RawMessage) error {
	if len(spec) == 0 {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO specs (namespace, digest, created_by, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (namespace, digest) DO NOTHING`, namespace, specDigest(spec), createdBy, string(spec))
	if err != nil {
		return fmt.Errorf("insert spec: %w", err)
	}
	return nil
}

// dropSpec forgets a spec that no version and no run refers to any more.
func dropSpec(tx *sqldb.Tx, namespace, digest string) error {
	_, err := remove(tx, "specs", `namespace = ? AND digest = ?
		AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.namespace = specs.namespace AND r.spec = specs.digest)
		AND NOT EXISTS (SELECT 1 FROM pipeline_versions v WHERE v.namespace = specs.namespace AND v.spec = specs.digest)`,
		namespace, digest)
	return err
}
