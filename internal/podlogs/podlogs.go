// Package podlogs reads the log of a pod wherever it is: from the API server while
// the pod runs, from the object store once its agent has archived it.
//
// It knows the archive's layout (objects "log", "log-00001" ... below a prefix) and
// nothing of runs and tasks.
package podlogs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// startPoll is how often a pod that has not started is looked at while following.
const startPoll = 500 * time.Millisecond

// Reader opens logs.
type Reader struct {
	Kube    kubernetes.Interface
	Objects *blob.Profiles
}

// Source says whose log it is.
type Source struct {
	Namespace, Pod, Container string
	// Bucket and Prefix say where the archive is.
	Bucket, Prefix string
}

// state is where a pod's container is in its life.
type state int

const (
	gone state = iota
	waits
	runs
	ended
)

// Open returns the log from its beginning. With follow, reading waits for what is
// still to be written, a pod that has not started included; it ends with the
// container or with ctx. A log that nobody wrote is empty.
func (r *Reader) Open(ctx context.Context, s Source, follow bool) (io.ReadCloser, error) {
	st, err := r.state(ctx, s)
	if err != nil {
		return nil, err
	}
	switch {
	case st == runs:
		return r.live(ctx, s, follow)
	case st == waits && follow:
		return &lateReader{open: func() (io.ReadCloser, error) { return r.openStarted(ctx, s) }}, nil
	}
	archived, err := r.archive(ctx, s)
	if err != nil || len(archived.keys) > 0 || st != ended {
		return archived, err
	}
	return r.live(ctx, s, false)
}

// openStarted waits until the pod runs or is over.
func (r *Reader) openStarted(ctx context.Context, s Source) (io.ReadCloser, error) {
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		st, err := r.state(ctx, s)
		if err != nil {
			return nil, err
		}
		if st != waits {
			return r.Open(ctx, s, true)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

func (r *Reader) state(ctx context.Context, s Source) (state, error) {
	pod, err := r.Kube.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return gone, nil
	}
	if err != nil {
		return gone, fmt.Errorf("pod %s/%s: %w", s.Namespace, s.Pod, err)
	}
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.Name != s.Container:
		case c.State.Running != nil:
			return runs, nil
		case c.State.Terminated != nil:
			return ended, nil
		}
	}
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return gone, nil // it ended before its container began
	}
	return waits, nil
}

func (r *Reader) live(ctx context.Context, s Source, follow bool) (io.ReadCloser, error) {
	opts := &corev1.PodLogOptions{Container: s.Container, Follow: follow}
	body, err := r.Kube.CoreV1().Pods(s.Namespace).GetLogs(s.Pod, opts).Stream(ctx)
	if apierrors.IsNotFound(err) { // deleted this moment
		return r.archive(ctx, s)
	}
	if err != nil {
		return nil, fmt.Errorf("log of pod %s/%s: %w", s.Namespace, s.Pod, err)
	}
	return body, nil
}

// archive is the log as far as it was archived.
func (r *Reader) archive(ctx context.Context, s Source) (*archiveReader, error) {
	store, err := r.Objects.ForProfile(ctx, s.Namespace)
	if err != nil {
		return nil, err
	}
	a := &archiveReader{}
	first := s.Prefix + "/" + attempt.LogName
	for info, err := range store.List(ctx, s.Bucket, first) {
		if errors.Is(err, blob.ErrNotFound) {
			return a, nil
		}
		if err != nil {
			return nil, err
		}
		if info.Key == first || strings.HasPrefix(info.Key, first+"-") {
			a.keys = append(a.keys, info.Key)
		}
	}
	a.open = func(key string) (io.ReadCloser, error) {
		body, _, err := store.Get(ctx, s.Bucket, key)
		return body, err
	}
	return a, nil
}
