package tenant_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/profiles/tenant"
	"github.com/slipway-ml/slipway/internal/testkit"
)

// The tests run against the real store: what its administration API does with a
// second create, or with a revoked key, is the very thing to know.
func TestATenantOpensItsOwnBucketAlone(t *testing.T) {
	ctx := t.Context()
	store, config := startStore(t)
	alice, bob := tenant.Key{Access: "alice-1", Secret: "alice-secret-1"}, tenant.Key{Access: "bob-1", Secret: "bob-secret-1"}
	for bucket, key := range map[string]tenant.Key{"alice": alice, "bob": bob} {
		wantWorks(t, store, bucket, key, false)
		if err := store.Ensure(ctx, bucket, key); err != nil {
			t.Fatal(err)
		}
		wantWorks(t, store, bucket, key, true)
	}
	wantWorks(t, store, "bob", alice, false)

	files := open(t, config, alice)
	if err := files.PutBytes(ctx, "alice", "dir/a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := files.PutBytes(ctx, "bob", "a", []byte("1")); !errors.Is(err, blob.ErrDenied) {
		t.Errorf("alice writes to bob's bucket: %v, want denied", err)
	}
	if err := store.Ensure(ctx, "bob", alice); !errors.Is(err, tenant.ErrTaken) {
		t.Errorf("Ensure of another's bucket: %v, want ErrTaken", err)
	}
}

func TestEnsureAgainReplacesTheSecretAndKeepsTheData(t *testing.T) {
	ctx := t.Context()
	store, config := startStore(t)
	before, after := tenant.Key{Access: "alice-1", Secret: "secret-before"}, tenant.Key{Access: "alice-1", Secret: "secret-after"}
	if err := store.Ensure(ctx, "alice", before); err != nil {
		t.Fatal(err)
	}
	if err := open(t, config, before).PutBytes(ctx, "alice", "a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := store.Ensure(ctx, "alice", after); err != nil {
		t.Fatal(err)
	}
	wantWorks(t, store, "alice", before, false)
	wantWorks(t, store, "alice", after, true)
	data, err := open(t, config, after).Read(ctx, "alice", "a", 10)
	if err != nil || string(data) != "kept" {
		t.Errorf("read back %q, %v", data, err)
	}
}

func TestRemoveRevokesTheKeyAndTheDataOfThatTenantAlone(t *testing.T) {
	ctx := t.Context()
	store, config := startStore(t)
	alice := tenant.Key{Access: "alice-1", Secret: "secret-of-alice"}
	if err := store.Ensure(ctx, "alice", alice); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "dir/b", "dir/deeper/c"} {
		if err := open(t, config, alice).Put(ctx, "alice", key, bytes.NewReader([]byte("x")), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Remove(ctx, "alice", "mallory-1"); err != nil {
		t.Fatal(err)
	}
	wantWorks(t, store, "alice", alice, true)

	if err := store.Remove(ctx, "alice", alice.Access); err != nil {
		t.Fatal(err)
	}
	wantWorks(t, store, "alice", alice, false)
	if err := store.Remove(ctx, "alice", alice.Access); err != nil {
		t.Errorf("Remove again: %v", err)
	}
	// The next tenant of the same name finds nothing of the last one.
	next := tenant.Key{Access: "alice-2", Secret: "secret-of-the-next"}
	if err := store.Ensure(ctx, "alice", next); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, config, next).Stat(ctx, "alice", "a"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat of the last tenant's object: %v, want not found", err)
	}
}

func TestAStoreThatDoesNotAnswerIsAnErrorNotARefusal(t *testing.T) {
	store, err := tenant.Open(blob.Config{Endpoint: "http://" + testkit.FreeAddress(t), AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if works, err := store.Works(t.Context(), "alice", tenant.Key{Access: "a", Secret: "b"}); err == nil {
		t.Errorf("Works = %v without an error", works)
	}
}

func startStore(t *testing.T) (*tenant.Store, blob.Config) {
	t.Helper()
	s3 := testkit.ObjectStore(t)
	config := blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret}
	store, err := tenant.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return store, config
}

func wantWorks(t *testing.T, store *tenant.Store, bucket string, key tenant.Key, want bool) {
	t.Helper()
	works, err := store.Works(t.Context(), bucket, key)
	if err != nil || works != want {
		t.Errorf("Works(%s, %s) = %v, %v; want %v", bucket, key.Access, works, err, want)
	}
}

func open(t *testing.T, config blob.Config, key tenant.Key) *blob.Store {
	t.Helper()
	config.AccessKey, config.SecretKey = key.Access, key.Secret
	store, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
