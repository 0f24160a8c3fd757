package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// DefaultRegion is signed for when Config names none.
const DefaultRegion = "us-east-1"

// partSize bounds the memory of an upload of unknown length (one part is held)
// and keeps a file of known length below S3's 10,000 parts up to 160 GB; larger
// files get larger parts, which are never buffered.
const partSize = 16 << 20

// Config says how to reach a store, and as whom.
type Config struct {
	// Endpoint is http://host:port or https://host[:port].
	Endpoint             string
	Region               string
	AccessKey, SecretKey string
	// Transport is http.DefaultTransport when nil.
	Transport http.RoundTripper
}

// Store is one S3 endpoint with one identity. Its methods can be called
// concurrently. They do not retry beyond what hides a single broken connection.
type Store struct{ client *minio.Client }

// Info is what a store says about an object.
type Info struct {
	Key         string
	Size        int64
	ModTime     time.Time
	ETag        string
	ContentType string
}

// Open makes a Store. It does not connect.
func Open(c Config) (*Store, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("S3 endpoint %q is not of the form http://host:port", c.Endpoint)
	}
	region := c.Region
	if region == "" {
		region = DefaultRegion
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""),
		Secure:     u.Scheme == "https",
		Region:     region,
		Transport:  c.Transport,
		MaxRetries: 2,
		// Buckets are paths except on Amazon's own hosts.
		BucketLookup: lookup(u.Hostname()),
	})
	if err != nil {
		return nil, fmt.Errorf("S3 endpoint %q: %w", c.Endpoint, err)
	}
	return &Store{client: client}, nil
}

func lookup(host string) minio.BucketLookupType {
	if strings.HasSuffix(host, ".amazonaws.com") {
		return minio.BucketLookupAuto
	}
	return minio.BucketLookupPath
}

// Get opens an object for reading. The caller closes the body.
func (s *Store) Get(ctx context.Context, bucket, key string) (io.ReadCloser, Info, error) {
	core := minio.Core{Client: s.client}
	body, info, _, err := core.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, Info{}, wrap("read", bucket, key, err)
	}
	return body, infoOf(info, key), nil
}

// Read returns a small object whole; one larger than limit is an error.
func (s *Store) Read(ctx context.Context, bucket, key string, limit int64) ([]byte, error) {
	body, _, err := s.Get(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, wrap("read", bucket, key, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read s3://%s/%s: larger than %d bytes", bucket, key, limit)
	}
	return data, nil
}

// Put writes an object. size is the number of bytes in r; -1: not known, which
// holds one part of 16 MiB in memory. A reader that is an io.ReaderAt (a file)
// is sent without buffering.
func (s *Store) Put(ctx context.Context, bucket, key string, r io.Reader, size int64) error {
	opts := minio.PutObjectOptions{PartSize: partSize, NumThreads: 2, ContentType: contentType(key)}
	if per := uint64(max(size, 0)) / 9000; per > partSize {
		opts.PartSize = per
	}
	if _, err := s.client.PutObject(ctx, bucket, key, r, size, opts); err != nil {
		return wrap("write", bucket, key, err)
	}
	return nil
}

// PutBytes writes a small object.
func (s *Store) PutBytes(ctx context.Context, bucket, key string, data []byte) error {
	return s.Put(ctx, bucket, key, bytes.NewReader(data), int64(len(data)))
}

// PutIfAbsent writes a small object only if none of that key exists; else the
// error is ErrExists. Of several concurrent calls one succeeds.
func (s *Store) PutIfAbsent(ctx context.Context, bucket, key string, data []byte) error {
	opts := minio.PutObjectOptions{ContentType: contentType(key), DisableMultipart: true}
	opts.SetMatchETagExcept("*")
	_, err := s.client.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), opts)
	if err != nil {
		return wrap("create", bucket, key, err)
	}
	return nil
}

// Stat asks for an object's size and time.
func (s *Store) Stat(ctx context.Context, bucket, key string) (Info, error) {
	info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, wrap("stat", bucket, key, err)
	}
	return infoOf(info, key), nil
}

// List yields all objects whose key begins with prefix, in the order of keys.
// Iteration ends at the first error.
func (s *Store) List(ctx context.Context, bucket, prefix string) iter.Seq2[Info, error] {
	return s.list(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true})
}

// ListDir is List of one level: deeper keys appear once, as "<name>/" of size 0.
func (s *Store) ListDir(ctx context.Context, bucket, prefix string) iter.Seq2[Info, error] {
	return s.list(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix})
}

func (s *Store) list(ctx context.Context, bucket string, opts minio.ListObjectsOptions) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for obj := range s.client.ListObjectsIter(ctx, bucket, opts) {
			if obj.Err != nil {
				yield(Info{}, wrap("list", bucket, opts.Prefix, obj.Err))
				return
			}
			if !yield(infoOf(obj, obj.Key), nil) {
				return
			}
		}
	}
}

// Delete removes an object; an absent one is no error.
func (s *Store) Delete(ctx context.Context, bucket, key string) error {
	err := s.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
	if err = wrap("delete", bucket, key, err); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// DeletePrefix removes all objects whose key begins with prefix.
func (s *Store) DeletePrefix(ctx context.Context, bucket, prefix string) error {
	for info, err := range s.List(ctx, bucket, prefix) {
		if err != nil {
			return err
		}
		if err := s.Delete(ctx, bucket, info.Key); err != nil {
			return err
		}
	}
	return nil
}

func infoOf(o minio.ObjectInfo, key string) Info {
	return Info{Key: key, Size: o.Size, ModTime: o.LastModified, ETag: o.ETag, ContentType: o.ContentType}
}
