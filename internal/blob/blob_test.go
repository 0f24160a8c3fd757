package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/testkit"
)

const bucket = "team"

func open(t *testing.T) (*blob.Store, blob.Config) {
	t.Helper()
	s3 := testkit.ObjectStore(t)
	s3.MakeBucket(t, bucket)
	config := blob.Config{Endpoint: s3.Endpoint, AccessKey: s3.Access, SecretKey: s3.Secret}
	store, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return store, config
}

// The attempt protocol rests on this: of two outcomes the first stands.
func TestPutIfAbsentHasOneWinner(t *testing.T) {
	store, _ := open(t)
	for round := range 10 {
		key := fmt.Sprintf("outcome-%d", round)
		var wins atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				switch err := store.PutIfAbsent(t.Context(), bucket, key, fmt.Appendf(nil, "%d", i)); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, blob.ErrExists):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := wins.Load(); n != 1 {
			t.Fatalf("%d of 8 writers created %s", n, key)
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	store, config := open(t)
	config.SecretKey = "wrong"
	stranger, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Endpoint = "http://" + testkit.FreeAddress(t)
	nobody, err := blob.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		store     *blob.Store
		bucket    string
		want      error
		temporary bool
	}{
		"no object": {store, bucket, blob.ErrNotFound, false},
		"no bucket": {store, "nobody", blob.ErrNotFound, false},
		"a bad key": {stranger, bucket, blob.ErrDenied, false},
		"no answer": {nobody, bucket, nil, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tc.store.Read(t.Context(), tc.bucket, "key", 10)
			if err == nil || (tc.want != nil && !errors.Is(err, tc.want)) || blob.Temporary(err) != tc.temporary {
				t.Errorf("%v (temporary: %t)", err, blob.Temporary(err))
			}
		})
	}
}

func TestObjectsComeBackAsTheyWere(t *testing.T) {
	store, _ := open(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 3<<20) // three parts
	put := map[string]struct {
		r    io.Reader
		size int64
	}{
		"dir/known":   {bytes.NewReader(large), int64(len(large))},
		"dir/unknown": {io.MultiReader(bytes.NewReader(large)), -1},
		"dir/empty":   {strings.NewReader(""), 0},
		"other":       {strings.NewReader("x"), 1},
	}
	for key, o := range put {
		if err := store.Put(t.Context(), bucket, key, o.r, o.size); err != nil {
			t.Fatal(err)
		}
	}
	sizes := map[string]int64{}
	for info, err := range store.List(t.Context(), bucket, "dir/") {
		if err != nil {
			t.Fatal(err)
		}
		sizes[info.Key] = info.Size
	}
	n := int64(len(large))
	if diff := cmp.Diff(map[string]int64{"dir/known": n, "dir/unknown": n, "dir/empty": 0}, sizes); diff != "" {
		t.Error(diff)
	}
	body, info, err := store.Get(t.Context(), bucket, "dir/unknown")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, large) || info.Size != n {
		t.Errorf("%d of %d bytes came back, %v", len(got), info.Size, err)
	}
	if err := store.DeletePrefix(t.Context(), bucket, "dir/"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), bucket, "dir/known"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("after its deletion: %v", err)
	}
}
