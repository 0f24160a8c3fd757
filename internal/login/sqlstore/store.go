// Package sqlstore keeps users and the hashes of their personal tokens. It knows
// SQL and nothing of requests.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the record of users and tokens.
type Store struct{ db *sqldb.DB }

// New brings the tables up to date.
func New(ctx context.Context, db *sqldb.DB) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := sqldb.Migrate(ctx, db, "login", files); err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

// EnsureUser makes a user when absent. A home that is not empty replaces the one
// kept.
func (s *Store) EnsureUser(ctx context.Context, email, home string, now time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO login_users (email, home, created_at) VALUES (?, ?, ?)
			ON CONFLICT (email) DO UPDATE SET home = CASE WHEN excluded.home = '' THEN login_users.home ELSE excluded.home END`,
			email, home, sqldb.Micros(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep user %s: %w", email, err)
	}
	return nil
}

// CreateToken keeps a token. createdBy is who asked for it, its user or an
// administrator.
func (s *Store) CreateToken(ctx context.Context, t login.Token, createdBy string) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO login_tokens (id, email, name, scope, hash, created_by, created_at, expires_at, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, t.User, t.Name, string(t.Scope), t.Hash, createdBy, sqldb.Micros(t.CreatedAt), sqldb.Micros(t.ExpiresAt), sqldb.Micros(t.LastUsed))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep token %q of %s: %w", t.Name, t.User, err)
	}
	return nil
}

const columns = `t.id, t.email, t.name, t.scope, t.hash, t.created_at, t.expires_at, t.last_used, u.home
	FROM login_tokens t JOIN login_users u ON u.email = t.email`

func fields(t *login.Token) []any {
	return []any{
		&t.ID, &t.User, &t.Name, (*string)(&t.Scope), &t.Hash,
		sqldb.TimeInto(&t.CreatedAt), sqldb.TimeInto(&t.ExpiresAt), sqldb.TimeInto(&t.LastUsed), &t.Home,
	}
}

// TokenByHash finds the token whose secret has this hash, or login.ErrNoToken.
func (s *Store) TokenByHash(ctx context.Context, hash string) (login.Token, error) {
	return s.one(ctx, `SELECT `+columns+` WHERE t.hash = ?`, hash)
}

// Token finds a token by its id, or login.ErrNoToken.
func (s *Store) Token(ctx context.Context, id string) (login.Token, error) {
	return s.one(ctx, `SELECT `+columns+` WHERE t.id = ?`, id)
}

func (s *Store) one(ctx context.Context, query, key string) (login.Token, error) {
	var t login.Token
	err := s.db.Read(ctx, func(tx *sqldb.Tx) error { return tx.Row(query, []any{key}, fields(&t)...) })
	if errors.Is(err, sql.ErrNoRows) {
		return login.Token{}, login.ErrNoToken
	}
	return t, err
}

// ListTokens are a user's tokens, oldest first.
func (s *Store) ListTokens(ctx context.Context, user string) ([]login.Token, error) {
	var out []login.Token
	err := s.db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Rows(`SELECT `+columns+` WHERE t.email = ? ORDER BY t.created_at, t.id`, []any{user}, func(row sqldb.Scanner) error {
			var t login.Token
			if err := row.Scan(fields(&t)...); err != nil {
				return err
			}
			out = append(out, t)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens of %s: %w", user, err)
	}
	return out, nil
}

// DeleteToken revokes a token at once, or answers login.ErrNoToken.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(`DELETE FROM login_tokens WHERE id = ?`, id)
		if err == nil && n == 0 {
			return login.ErrNoToken
		}
		return err
	})
}

// TouchToken notes that a token was used.
func (s *Store) TouchToken(ctx context.Context, id string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE login_tokens SET last_used = ? WHERE id = ?`, sqldb.Micros(now), id)
		return err
	})
}
