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
	body                any // written as XML; nil: none
}

// admined sends as the administrator. Statuses from 300 are errors, except those
// that the caller tells apart.
func (s *Store) admined(ctx context.Context, r request, expected ...int) (status int, err error) {
	key := Key{Access: s.config.AccessKey, Secret: s.config.SecretKey}
	status, body, err := s.send(ctx, key, r)
	if err != nil || status < http.StatusMultipleChoices || slices.Contains(expected, status) {
		return status, err
	}
	return status, refusal(status, body)
}

// send signs with the given key and returns the answer, whatever it says.
func (s *Store) send(ctx context.Context, key Key, r request) (status int, body []byte, err error) {
	var payload []byte
	if r.body != nil {
		if payload, err = xml.Marshal(r.body); err != nil {
			return 0, nil, err
		}
	}
	url := strings.TrimSuffix(s.config.Endpoint, "/") + "/" + r.path
	if r.query != "" {
		url += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, r.method, url, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	sum := sha256.Sum256(payload)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := s.http.Do(signer.SignV4(*req, key.Access, key.Secret, "", s.config.Region))
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}

// refusal makes an error of an S3 error document.
func refusal(status int, body []byte) error {
	var doc struct{ Code, Message string }
	if xml.Unmarshal(body, &doc) != nil || doc.Code == "" {
		return fmt.Errorf("the store answered %d", status)
	}
	return fmt.Errorf("the store answered %d: %s: %s", status, doc.Code, doc.Message)
}
