package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const dataRoute = "/apis/slipway.dev/v1/data"

// Entry is an object in a profile's bucket, or a folder (Key ends in a slash).
type Entry struct {
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
}

// Listing is one listing of a bucket, of at most 1,000 entries.
type Listing struct {
	Bucket    string  `json:"bucket"`
	Entries   []Entry `json:"entries"`
	Truncated bool    `json:"truncated,omitempty"`
}

func dataQuery(namespace string) url.Values {
	if namespace == "" {
		return nil
	}
	return url.Values{"namespace": {namespace}}
}

// ListData lists objects below a prefix; recursive also those in folders.
func (c *Client) ListData(ctx context.Context, namespace, prefix string, recursive bool) (Listing, error) {
	q := url.Values{"prefix": {prefix}, "recursive": {strconv.FormatBool(recursive)}}
	if namespace != "" {
		q.Set("namespace", namespace)
	}
	var out Listing
	err := c.call(ctx, http.MethodGet, dataRoute, q, nil, &out)
	return out, err
}

// ReadData opens an object; size is its length in bytes. The caller closes it.
func (c *Client) ReadData(ctx context.Context, namespace, key string) (body io.ReadCloser, size int64, err error) {
	res, err := c.send(ctx, http.MethodGet, dataPath(key), dataQuery(namespace), "", nil)
	if err != nil {
		return nil, 0, err
	}
	return res.Body, res.ContentLength, nil
}

// WriteData stores size bytes of body as an object.
func (c *Client) WriteData(ctx context.Context, namespace, key string, body io.Reader, size int64) error {
	u := c.base.JoinPath(dataPath(key))
	u.RawQuery = dataQuery(namespace).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	if size == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", key, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return refusal(res)
	}
	return nil
}

// DeleteData removes an object.
func (c *Client) DeleteData(ctx context.Context, namespace, key string) error {
	return c.call(ctx, http.MethodDelete, dataPath(key), dataQuery(namespace), nil, nil)
}

// dataPath escapes each part of a key.
func dataPath(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return dataRoute + "/" + strings.Join(parts, "/")
}
