package blob

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"

	"github.com/minio/minio-go/v7"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("the object exists already")
	ErrDenied   = errors.New("access denied")
)

// wrap gives an error its sentinel and says what was done to which object.
func wrap(verb, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("%s s3://%s/%s", verb, bucket, key)
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return fmt.Errorf("%s: %w", where, err)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", where, errors.Join(ErrNotFound, err))
	case http.StatusPreconditionFailed, http.StatusConflict:
		return fmt.Errorf("%s: %w", where, errors.Join(ErrExists, err))
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%s: %w", where, errors.Join(ErrDenied, err))
	}
	return fmt.Errorf("%s: %w", where, err)
}

// Temporary reports whether the same call may succeed later: the store did not
// answer, or answered that it is busy or broken.
func Temporary(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) ||
		errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) || errors.Is(err, ErrDenied) {
		return false
	}
	var resp minio.ErrorResponse
	if errors.As(err, &resp) && resp.StatusCode != 0 {
		return resp.StatusCode >= http.StatusInternalServerError ||
			resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout
	}
	return true
}

// contentType follows the key's extension; browsers show stored reports by it.
func contentType(key string) string {
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		return t
	}
	return "application/octet-stream"
}
