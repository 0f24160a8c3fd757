package tenant

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// maxAnswer bounds what is read of an answer, in bytes: errors are short.
const maxAnswer = 64 << 10

// request is one call of the store's administration API, or of S3 itself.
type request struct {
	method, path, query string
	header              map[string]string
	body                any // marshalled to XML; nil: none
}

// admined sends as the administrator. Statuses from 300 are errors, except those
// that the caller tells apart.
func (s *Store) admined(ctx context.Context, r request, expected ...int) (int, error) {
	key := Key{Access: s.config.AccessKey, Secret: s.config.SecretKey}
	resp, body, err := s.exchange(ctx, key, r)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode < http.StatusMultipleChoices || slices.Contains(expected, resp.StatusCode) {
		return resp.StatusCode, nil
	}
	return 0, refusal(resp, body)
}

// send signs with the given key and answers the status alone.
func (s *Store) send(ctx context.Context, key Key, r request) (int, error) {
	resp, _, err := s.exchange(ctx, key, r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}

func (s *Store) exchange(ctx context.Context, key Key, r request) (*http.Response, []byte, error) {
	var payload []byte
	if r.body != nil {
		var err error
		if payload, err = xml.Marshal(r.body); err != nil {
			return nil, nil, err
		}
	}
	url := strings.TrimSuffix(s.config.Endpoint, "/") + "/" + r.path
	if r.query != "" {
		url += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, r.method, url, bytes.NewReader(payload))
	if err != nil {
		return nil, nil, err
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	sum := sha256.Sum256(payload)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := s.http.Do(signer.SignV4(*req, key.Access, key.Secret, "", s.config.Region))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp, body, err
}

// refusal makes an error of an S3 error document.
func refusal(resp *http.Response, body []byte) error {
	var doc struct{ Code, Message string }
	if xml.Unmarshal(body, &doc) != nil || doc.Code == "" {
		return fmt.Errorf("the store answered %s", resp.Status)
	}
	return fmt.Errorf("the store answered %s: %s: %s", resp.Status, doc.Code, doc.Message)
}
