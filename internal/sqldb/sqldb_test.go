package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-ml/slipway/internal/sqldb"
)

var schema = fstest.MapFS{
	"0001_words.sql": {Data: []byte("CREATE TABLE words (id BIGINT PRIMARY KEY, word TEXT NOT NULL);\nCREATE UNIQUE INDEX words_word ON words (word);\n")},
}

func open(t *testing.T, path string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func words(t *testing.T) *sqldb.DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "with space & 100%41.db"))
	if err := sqldb.Migrate(t.Context(), db, "words", schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func count(t *testing.T, db *sqldb.DB) int {
	t.Helper()
	var n int
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error { return tx.Row(`SELECT COUNT(*) FROM words`, nil, &n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(id int) func(*sqldb.Tx) error {
	return func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO words (id, word) VALUES (?, ?)`, id, fmt.Sprint("word", id))
		return err
	}
}

func TestATransactionThatFailsLeavesNothingAndHarmsNoOther(t *testing.T) {
	db := words(t)
	refused := errors.New("refused")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
				if err := insert(i)(tx); err != nil {
					return err
				}
				if i%3 == 0 {
					return refused
				}
				return nil
			})
			if (i%3 == 0) != errors.Is(err, refused) {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if got := count(t, db); got != 133 {
		t.Errorf("%d rows, want 133", got)
	}
}

func TestAPanicRollsBackAndFreesTheWriter(t *testing.T) {
	db := words(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.Tx(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(1)(tx); err != nil {
				return err
			}
			panic("bug")
		})
	}()
	if err := db.Tx(t.Context(), insert(2)); err != nil {
		t.Fatal(err)
	}
	if got := count(t, db); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
}

func TestADuplicateIsRecognized(t *testing.T) {
	db := words(t)
	if err := db.Tx(t.Context(), insert(1)); err != nil {
		t.Fatal(err)
	}
	if err := db.Tx(t.Context(), insert(1)); !sqldb.IsDuplicate(err) {
		t.Errorf("same primary key: %v", err)
	}
	err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO words (id, word) VALUES (?, ?)`, 2, "word1")
		return err
	})
	if !sqldb.IsDuplicate(err) {
		t.Errorf("same unique word: %v", err)
	}
}

func TestACanceledCallerWritesNothing(t *testing.T) {
	db := words(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Tx(ctx, insert(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := db.Read(ctx, func(*sqldb.Tx) error { return nil }); err == nil {
		t.Error("a canceled read ran")
	}
	if got := count(t, db); got != 0 {
		t.Errorf("%d rows", got)
	}
}

func TestReadsCannotWrite(t *testing.T) {
	db := words(t)
	if err := db.Read(t.Context(), insert(1)); err == nil {
		t.Error("a read wrote")
	}
}

func TestMigrationsRunOnceAndANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := open(t, path)
	newer := fstest.MapFS{"0001_words.sql": schema["0001_words.sql"], "0002_more.sql": {Data: []byte("ALTER TABLE words ADD COLUMN more TEXT NOT NULL DEFAULT '';\n")}}
	for range 2 {
		if err := sqldb.Migrate(t.Context(), db, "words", newer); err != nil {
			t.Fatal(err)
		}
	}
	err := sqldb.Migrate(t.Context(), db, "words", schema)
	if err == nil || !strings.Contains(err.Error(), "version 2, this program knows 1") {
		t.Errorf("got %v", err)
	}
	broken := fstest.MapFS{"0001_a.sql": {Data: []byte("CREATE TABLE a (id BIGINT);\nCREATE TABLE a (id BIGINT);\n")}}
	if err := sqldb.Migrate(t.Context(), db, "broken", broken); err == nil {
		t.Fatal("a broken migration passed")
	}
	fixed := fstest.MapFS{"0001_a.sql": {Data: []byte("CREATE TABLE a (id BIGINT);\n")}}
	if err := sqldb.Migrate(t.Context(), db, "broken", fixed); err != nil {
		t.Errorf("the broken migration left something: %v", err)
	}
	gap := fstest.MapFS{"0002_a.sql": {Data: []byte("SELECT 1;\n")}}
	if err := sqldb.Migrate(t.Context(), db, "gap", gap); err == nil {
		t.Error("a gap in the numbers passed")
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"postgres://x":                      "only sqlite:",
		"sqlite:":                           "only sqlite:",
		"sqlite:/x.db?synchronous=off":      "unknown option synchronous=off",
		"sqlite:/x.db?cache=shared":         "unknown option cache=shared",
		"sqlite:" + garbage:                 "garbage.db",
		"sqlite:/nonexistent/folder/run.db": "/nonexistent/folder/run.db",
	}
	for dsn, want := range cases {
		t.Run(dsn, func(t *testing.T) {
			db, err := sqldb.Open(t.Context(), dsn)
			if err == nil {
				_ = db.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q in it", err, want)
			}
		})
	}
}

func TestTheFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestCursorsBelongToTheirQuery(t *testing.T) {
	for _, key := range []any{"a name", "", int64(1758000000123456), int64(0)} {
		token, err := sqldb.Cursor{Key: key, ID: "x", Query: 7}.Token()
		if err != nil {
			t.Fatal(err)
		}
		back, err := sqldb.ParseCursor(token, 7)
		if err != nil || back.Key != key || back.ID != "x" {
			t.Errorf("%v: got %+v, %v", key, back, err)
		}
		if _, err := sqldb.ParseCursor(token, 8); !errors.Is(err, sqldb.ErrCursor) {
			t.Errorf("%v: another query's token passed: %v", key, err)
		}
	}
	for _, junk := range []string{"junk", "bm9uZQ", "{}", "e30", "eyJrIjp7fSwicSI6IjcifQ"} {
		if _, err := sqldb.ParseCursor(junk, 7); !errors.Is(err, sqldb.ErrCursor) {
			t.Errorf("%q: %v", junk, err)
		}
	}
}

func TestStoredValuesComeBack(t *testing.T) {
	db := words(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	var gotAt, gotZero time.Time
	var gotMap, gotNil map[string]string
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
		return tx.Row(`SELECT ?, ?, ?, ?`, []any{sqldb.Micros(at), sqldb.Micros(time.Time{}), sqldb.JSON(map[string]string{"a": "b"}), sqldb.JSON(map[string]string(nil))},
			sqldb.TimeInto(&gotAt), sqldb.TimeInto(&gotZero), sqldb.JSONInto(&gotMap), sqldb.JSONInto(&gotNil))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !gotAt.Equal(at) || !gotZero.IsZero() || gotMap["a"] != "b" || gotNil != nil {
		t.Errorf("got %v %v %v %v", gotAt, gotZero, gotMap, gotNil)
	}
}
