package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore/conformance"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

func openSQLite(t testing.TB, options string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db")+options)
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

func TestSQLite(t *testing.T) {
	conformance.Run(t, func(t *testing.T) *sqldb.DB { return openSQLite(t, "") })
}
