// Package sqldb owns the SQL database itself: opening it, transactions, the
// migrations runner, page cursors and the few conversions that every store
// shares.
//
// It must not know any domain's tables: each domain owns its store, its SQL and
// its migrations (see Migrate).
//
// SQL is one text for every engine. Placeholders are "?", times are BIGINT
// microseconds since 1970 UTC (0: unset), JSON is TEXT, and statements keep to
// what SQLite and PostgreSQL both understand: ON CONFLICT, RETURNING, row values,
// partial indexes. Transactions are serializable. All statements pass through Tx, which is where another engine
// rewrites placeholders.
//
// On SQLite there is one writer. Transactions that arrive while another one runs
// join its commit, each behind a savepoint of its own: one WAL append (and, at
// synchronous=full, one fsync) serves them all.
package sqldb
