// Package data is a profile's bucket over HTTP, for people and programs that hold
// a token of Slipway and no key of the object store: list, read, write, delete.
//
// It must not know pipelines: to it, an artifact is an object like any other.
package data

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Group and Resource under which access to a profile's bucket is reviewed.
const (
	Group    = "slipway.dev"
	Resource = "objects"
)

// Reserved is the prefix under which the platform keeps its own objects; they can
// be read here and not written.
const Reserved = ".slipway/"

// maxListed is how many entries one listing returns at most.
const maxListed = 1000

// Deps are what the handlers need.
type Deps struct {
	// Store opens the object store with the key of a profile.
	Store func(ctx context.Context, namespace string) (*blob.Store, error)
	// Bucket names a profile's bucket.
	Bucket func(namespace string) string
	// Fail writes an error in the shape that clients expect.
	Fail func(http.ResponseWriter, *http.Request, error)
}

// Handler serves a profile's bucket.
type Handler struct{ deps Deps }

// New returns the handler.
func New(d Deps) *Handler { return &Handler{deps: d} }

const route = "/apis/slipway.dev/v1/data"

// Mount registers the routes. Each takes ?namespace= (default: the caller's home).
func (h *Handler) Mount(rt *authz.Router) {
	rt.Handle("GET "+route, h.need("list"), h.handler(h.list))
	rt.Handle("GET "+route+"/{key...}", h.need("get").AnySize(), h.handler(h.read))
	rt.Handle("PUT "+route+"/{key...}", h.need("create").AnySize(), h.handler(h.write))
	rt.Handle("DELETE "+route+"/{key...}", h.need("delete"), h.handler(h.remove))
}

func (h *Handler) need(verb string) authz.Need {
	return authz.Need{Verb: verb, Group: Group, Resource: Resource, Namespace: authz.InQuery("namespace")}
}

// bucket is a profile's bucket, opened with its key.
type bucket struct {
	*blob.Store
	name string
}

func (h *Handler) handler(serve func(http.ResponseWriter, *http.Request, bucket) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		namespace := authz.Namespace(r.Context())
		store, err := h.deps.Store(r.Context(), namespace)
		if err != nil {
			h.deps.Fail(w, r, err)
			return
		}
		if err := serve(w, r, bucket{Store: store, name: h.deps.Bucket(namespace)}); err != nil {
			h.deps.Fail(w, r, err)
		}
	})
}

// Entry is an object, or a folder (Key ends in a slash).
type Entry struct {
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
}

// Listing is the answer of a list.
type Listing struct {
	Bucket  string  `json:"bucket"`
	Entries []Entry `json:"entries"`
	// Truncated says that there are more than the entries returned.
	Truncated bool `json:"truncated,omitempty"`
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, b bucket) error {
	prefix := r.URL.Query().Get("prefix")
	find := b.ListDir
	if recursive, err := strconv.ParseBool(r.URL.Query().Get("recursive")); err == nil && recursive {
		find = b.List
	}
	out := Listing{Bucket: b.name, Entries: []Entry{}}
	for info, err := range find(r.Context(), b.name, prefix) {
		if err != nil {
			return err
		}
		if len(out.Entries) == maxListed {
			out.Truncated = true
			break
		}
		out.Entries = append(out.Entries, Entry{Key: info.Key, Size: info.Size, Modified: info.ModTime})
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(out)
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request, b bucket) error {
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	body, info, err := b.Get(r.Context(), b.name, key)
	if err != nil {
		return absent(err, key)
	}
	defer body.Close()
	header := w.Header()
	// Users wrote this: it is never rendered from the console's origin.
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)}))
	header.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	if _, err = io.Copy(w, body); err != nil {
		// The length was promised, so the client sees that the body broke off.
		slog.WarnContext(r.Context(), "an object was not sent whole", "key", key, "error", err)
	}
	return nil
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, b bucket) error {
	key, err := writable(r)
	if err != nil {
		return err
	}
	if err := b.Put(r.Context(), b.name, key, r.Body, r.ContentLength); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) remove(w http.ResponseWriter, r *http.Request, b bucket) error {
	key, err := writable(r)
	if err != nil {
		return err
	}
	if _, err := b.Stat(r.Context(), b.name, key); err != nil {
		return absent(err, key)
	}
	if err := b.Delete(r.Context(), b.name, key); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keyOf is the object's key. Keys that a path of a file system would read
// differently are refused: the bundled store keeps objects as files.
func keyOf(r *http.Request) (string, error) {
	key := r.PathValue("key")
	if key == "" || path.Clean("/"+key) != "/"+strings.TrimSuffix(key, "/") || strings.ContainsRune(key, 0) {
		return "", rest.Errorf(rest.InvalidArgument, "key %q: want a relative path without empty, . or .. parts", key)
	}
	return key, nil
}

func writable(r *http.Request) (string, error) {
	key, err := keyOf(r)
	if err == nil && strings.HasPrefix(key, Reserved) {
		err = rest.Errorf(rest.PermissionDenied, "key %q: what lies below %s belongs to the platform", key, Reserved)
	}
	return key, err
}

func absent(err error, key string) error {
	if errors.Is(err, blob.ErrNotFound) {
		return rest.Errorf(rest.NotFound, "no object %q", key)
	}
	return err
}
