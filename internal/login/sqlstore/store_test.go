package sqlstore_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/login"
	"github.com/slipway-ml/slipway/internal/login/sqlstore"
	"github.com/slipway-ml/slipway/internal/sqldb"
)

func open(t *testing.T) *sqlstore.Store {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := sqlstore.New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokens(t *testing.T) {
	s, ctx, now := open(t), t.Context(), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.EnsureUser(ctx, "a@b.c", "a", now))
	must(s.EnsureUser(ctx, "a@b.c", "", now)) // keeps the home
	first := login.Token{ID: "1", User: "a@b.c", Name: "one", Scope: login.ScopeAll, Hash: "h1", Home: "a", CreatedAt: now}
	second := login.Token{ID: "2", User: "a@b.c", Name: "two", Scope: login.ScopeRead, Hash: "h2", Home: "a", CreatedAt: now.Add(time.Second), ExpiresAt: now.Add(time.Hour)}
	must(s.CreateToken(ctx, second, "a@b.c"))
	must(s.CreateToken(ctx, first, "root@b.c"))

	got, err := s.TokenByHash(ctx, "h2")
	must(err)
	if diff := cmp.Diff(second, got); diff != "" {
		t.Error(diff)
	}
	must(s.TouchToken(ctx, "1", now.Add(time.Minute)))
	first.LastUsed = now.Add(time.Minute)
	list, err := s.ListTokens(ctx, "a@b.c")
	must(err)
	if diff := cmp.Diff([]login.Token{first, second}, list); diff != "" {
		t.Error(diff)
	}
	must(s.DeleteToken(ctx, "1"))
	if err := s.DeleteToken(ctx, "1"); !errors.Is(err, login.ErrNoToken) {
		t.Errorf("deleting a deleted token: %v", err)
	}
	if _, err := s.TokenByHash(ctx, "h1"); !errors.Is(err, login.ErrNoToken) {
		t.Errorf("a revoked token is still found: %v", err)
	}
}

func TestATokenNeedsItsUser(t *testing.T) {
	if err := open(t).CreateToken(t.Context(), login.Token{ID: "1", User: "nobody@b.c", Hash: "h"}, "x"); err == nil {
		t.Error("a token of an unknown user was kept")
	}
}
