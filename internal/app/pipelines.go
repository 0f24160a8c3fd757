package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/data"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
	"github.com/slipway-ml/slipway/internal/pipelines/httpapi"
	"github.com/slipway-ml/slipway/internal/pipelines/podspec"
	"github.com/slipway-ml/slipway/internal/pipelines/reconcile"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/podlogs"
	"github.com/slipway-ml/slipway/internal/rest"
	"github.com/slipway-ml/slipway/internal/userpod"
	"github.com/slipway-ml/slipway/internal/version"
)

// pipelines composes the pipelines API, and the reconciler that drives runs.
func (s *server) pipelines(ctx context.Context) error {
	store, err := sqlstore.New(ctx, s.db, time.Now)
	if err != nil {
		return err
	}
	objects := blob.NewProfiles(time.Now, s.profileKey)
	logs := &podlogs.Reader{Kube: s.kube, Objects: objects}
	api := httpapi.New(httpapi.Deps{
		Store: store, Clock: time.Now, NewID: uuid.NewString, Version: version.Version,
		BucketPrefix: s.cfg.Server.Objects.BucketPrefix,
		Log: func(ctx context.Context, run *pipelines.Run, a pipelines.Attempt, follow bool) (io.ReadCloser, error) {
			return openLog(ctx, logs, run, a, follow)
		},
		OpenArtifact: func(ctx context.Context, namespace, uri string) (io.ReadCloser, int64, error) {
			return openArtifact(ctx, objects, namespace, uri)
		},
	})
	api.Mount(s.door.api)
	data.New(data.Deps{
		Store: objects.ForProfile, Fail: rest.WriteError,
		Bucket: func(namespace string) string { return s.cfg.Server.Objects.BucketPrefix + namespace },
	}).Mount(s.door.api)

	pods, err := s.podSettings(ctx)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	driver := reconcile.New(reconcile.Deps{
		Store: store, Kube: s.kube, Objects: objects, Clock: time.Now, NewID: uuid.NewString,
		Owner: host + "/" + rand.Text(), Sole: strings.HasPrefix(s.cfg.Server.Database, "sqlite:"),
		BucketPrefix: s.cfg.Server.Objects.BucketPrefix, Pods: pods,
	})
	s.tasks = append(s.tasks, driver.Run)
	return nil
}

func (s *server) podSettings(ctx context.Context) (podspec.Settings, error) {
	image := s.cfg.Server.AgentImage
	volumes, err := reconcile.ImageVolumes(ctx, s.kube, "kubeflow", image)
	if err != nil {
		return podspec.Settings{}, err
	}
	return podspec.Settings{AgentImage: image, ImageVolumes: volumes, Pods: userpod.Settings{
		Network: s.cfg.Network, S3Endpoint: podEndpoint(s.cfg.Server.Objects), S3Region: s.cfg.Server.Objects.Region,
	}}, nil
}

// profileKey reads a profile's own S3 key from its Secret.
func (s *server) profileKey(ctx context.Context, namespace string) (blob.Config, error) {
	secret, err := s.kube.CoreV1().Secrets(namespace).Get(ctx, userpod.KeySecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return blob.Config{}, rest.Errorf(rest.NotFound, "profile %s has no bucket: it does not exist, or it is being made", namespace)
	}
	if err != nil {
		return blob.Config{}, err
	}
	return blob.Config{
		Endpoint: s.cfg.Server.Objects.Endpoint, Region: s.cfg.Server.Objects.Region,
		AccessKey: string(secret.Data[userpod.KeySecretID]), SecretKey: string(secret.Data[userpod.KeySecretKey]),
	}, nil
}

func openLog(ctx context.Context, logs *podlogs.Reader, run *pipelines.Run, a pipelines.Attempt, follow bool) (io.ReadCloser, error) {
	var spec attempt.Spec
	if err := json.Unmarshal(a.Input, &spec); err != nil {
		return nil, fmt.Errorf("input of attempt %d of task %s: %w", a.Number, a.TaskID, err)
	}
	return logs.Open(ctx, podlogs.Source{
		Namespace: run.Namespace, Pod: a.PodName, Container: podspec.MainContainer, Bucket: spec.Bucket, Prefix: spec.Prefix,
	}, follow)
}

// openArtifact reads with the profile's own key, so that a URI which names another
// profile's bucket opens nothing.
func openArtifact(ctx context.Context, objects *blob.Profiles, namespace, uri string) (io.ReadCloser, int64, error) {
	u, err := artifact.ParseURI(uri)
	if err != nil {
		return nil, 0, rest.Errorf(rest.FailedPrecondition, "%v", err)
	}
	if u.Scheme != "s3" && u.Scheme != "minio" {
		return nil, 0, rest.Errorf(rest.FailedPrecondition, "%s lies in a store that is not served here", uri)
	}
	store, err := objects.ForProfile(ctx, namespace)
	if err != nil {
		return nil, 0, err
	}
	body, info, err := store.Get(ctx, u.Bucket, u.Key)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrDenied) {
		return nil, 0, fmt.Errorf("%s: %w", uri, pipelines.ErrNotFound)
	}
	return body, info.Size, err
}
