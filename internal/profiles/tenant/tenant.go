// Package tenant administers tenants of the bundled S3 store (versitygw): a user
// with one key, and one bucket that belongs to it, so that no profile's key opens
// another's bucket.
//
// It must not know Kubernetes, nor how profiles name their buckets.
package tenant

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"github.com/slipway-ml/slipway/internal/blob"
)

// Key is what a tenant signs its requests with. Access names the user too.
type Key struct{ Access, Secret string }

// ErrTaken says that the bucket belongs to somebody else.
var ErrTaken = errors.New("the bucket belongs to somebody else")

// Store is one versitygw, seen by its administrator.
type Store struct {
	config blob.Config
	admin  *blob.Store
	http   *http.Client
}

// Open makes a Store from its endpoint and the administrator's key. It does not
// connect.
func Open(config blob.Config) (*Store, error) {
	admin, err := blob.Open(config)
	if err != nil {
		return nil, err
	}
	if config.Region == "" {
		config.Region = blob.DefaultRegion
	}
	return &Store{config: config, admin: admin, http: &http.Client{Transport: config.Transport}}, nil
}

// Works says whether the key opens the bucket: one cheap request, the whole check
// of a tenant that is as it should be.
func (s *Store) Works(ctx context.Context, bucket string, key Key) (bool, error) {
	status, _, err := s.send(ctx, key, request{method: http.MethodHead, path: bucket})
	switch {
	case err != nil:
		return false, fmt.Errorf("try the key of bucket %s: %w", bucket, err)
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return false, nil
	case status >= http.StatusMultipleChoices:
		return false, fmt.Errorf("try the key of bucket %s: the store answered %d", bucket, status)
	}
	return true, nil
}

// Ensure makes the user with this secret, whatever its secret was before, and a
// bucket that belongs to it. A bucket of somebody else's is ErrTaken.
func (s *Store) Ensure(ctx context.Context, bucket string, key Key) error {
	if err := s.ensureUser(ctx, key); err != nil {
		return fmt.Errorf("S3 user %s: %w", key.Access, err)
	}
	create := request{method: http.MethodPatch, path: bucket + "/create", header: map[string]string{"x-vgw-owner": key.Access}}
	status, err := s.admined(ctx, create, http.StatusConflict)
	if err == nil && status == http.StatusConflict {
		// It exists: harmless if it is ours.
		status, err = s.owned(ctx, bucket, key.Access)
		if err == nil && status != http.StatusOK {
			err = ErrTaken
		}
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return nil
}

// Remove revokes the user's key at once, then deletes its bucket with all that is
// in it, as far as ctx leaves time: call it again to go on. A bucket of somebody
// else's is left alone.
func (s *Store) Remove(ctx context.Context, bucket, user string) error {
	revoke := request{method: http.MethodPatch, path: "delete-user", query: "access=" + user}
	if _, err := s.admined(ctx, revoke); err != nil {
		return fmt.Errorf("S3 user %s: %w", user, err)
	}
	status, err := s.owned(ctx, bucket, user)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", bucket, err)
	}
	if status != http.StatusOK {
		return nil
	}
	if err := s.admin.DeletePrefix(ctx, bucket, ""); err != nil {
		return err
	}
	if _, err := s.admined(ctx, request{method: http.MethodDelete, path: bucket}, http.StatusNotFound); err != nil {
		return fmt.Errorf("delete bucket %s: %w", bucket, err)
	}
	return nil
}

// account is versitygw's account, and its mutable properties too; the administration
// API takes Go's own XML names.
type account struct {
	XMLName xml.Name
	Access  string `xml:",omitempty"`
	Secret  string
	Role    string
}

// role may use what belongs to it and cannot make buckets.
const role = "user"

func (s *Store) ensureUser(ctx context.Context, key Key) error {
	create := account{XMLName: xml.Name{Local: "Account"}, Access: key.Access, Secret: key.Secret, Role: role}
	status, err := s.admined(ctx, request{method: http.MethodPatch, path: "create-user", body: create}, http.StatusConflict)
	if err != nil || status != http.StatusConflict {
		return err
	}
	update := account{XMLName: xml.Name{Local: "MutableProps"}, Secret: key.Secret, Role: role}
	_, err = s.admined(ctx, request{method: http.MethodPatch, path: "update-user", query: "access=" + key.Access, body: update})
	return err
}

// owned answers 200 for a bucket of the user's, 403 for another's, 404 for none.
func (s *Store) owned(ctx context.Context, bucket, user string) (int, error) {
	head := request{method: http.MethodHead, path: bucket, header: map[string]string{"X-Amz-Expected-Bucket-Owner": user}}
	return s.admined(ctx, head, http.StatusForbidden, http.StatusNotFound)
}
