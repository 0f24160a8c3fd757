package httpapi

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/pipelines"
)

// node finds a task of a run by what clients call a node: its id, its pod's name,
// its path or its name.
func (a *API) node(r *http.Request) (pipelines.Task, error) {
	runID, node := r.PathValue("run"), r.PathValue("node")
	tasks, err := a.Store.Tasks(r.Context(), runID)
	if err != nil {
		return pipelines.Task{}, err
	}
	names := []func(pipelines.Task) string{
		func(t pipelines.Task) string { return t.ID }, func(t pipelines.Task) string { return t.PodName },
		func(t pipelines.Task) string { return t.Path }, func(t pipelines.Task) string { return t.Name },
	}
	for _, name := range names {
		i := slices.IndexFunc(tasks, func(t pipelines.Task) bool { return name(t) == node })
		if i >= 0 {
			return tasks[i], nil
		}
	}
	return pipelines.Task{}, fmt.Errorf("node %q of run %s: %w", node, runID, pipelines.ErrNotFound)
}

// attempt is the attempt that the query names, or the task's last one.
func (a *API) attempt(r *http.Request, task pipelines.Task) (pipelines.Attempt, error) {
	all, err := a.Store.Attempts(r.Context(), task.RunID)
	if err != nil {
		return pipelines.Attempt{}, err
	}
	number := 0
	if text := r.URL.Query().Get("attempt"); text != "" {
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return pipelines.Attempt{}, invalid("attempt: expected a number from 1, not %q", text)
		}
	}
	for _, attempt := range slices.Backward(all) {
		if attempt.TaskID == task.ID && (number == 0 || attempt.Number == number) {
			return attempt, nil
		}
	}
	return pipelines.Attempt{}, fmt.Errorf("task %s has not started: its log is %w", task.Path, pipelines.ErrNotFound)
}

// readLog streams an attempt's log as plain text; with ?follow=true until the
// attempt ends.
func (a *API) readLog(w http.ResponseWriter, r *http.Request) {
	log, err := a.openLog(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a.stream(w, r, log)
}

func (a *API) openLog(r *http.Request) (io.ReadCloser, error) {
	follow := false
	if text := r.URL.Query().Get("follow"); text != "" {
		var err error
		if follow, err = strconv.ParseBool(text); err != nil {
			return nil, invalid("follow: expected true or false, not %q", text)
		}
	}
	run, err := a.Store.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	task, err := a.node(r)
	if err != nil {
		return nil, err
	}
	attempt, err := a.attempt(r, task)
	if err != nil {
		return nil, err
	}
	return a.Log(r.Context(), run, attempt, follow)
}

// readArtifact streams the file of an output (or else input) artifact of a node.
// It is content that users wrote, so no browser is to show it under our origin.
func (a *API) readArtifact(w http.ResponseWriter, r *http.Request) {
	artifact, err := a.nodeArtifact(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	content, size, err := a.OpenArtifact(r.Context(), authz.Namespace(r.Context()), artifact.URI)
	if err != nil {
		fail(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(artifact.URI)}))
	if size >= 0 {
		header.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	a.stream(w, r, content)
}

func (a *API) nodeArtifact(r *http.Request) (pipelines.Artifact, error) {
	task, err := a.node(r)
	if err != nil {
		return pipelines.Artifact{}, err
	}
	name := r.PathValue("artifact")
	ids := task.Outputs.Artifacts[name]
	if len(ids) == 0 {
		ids = task.Inputs.Artifacts[name]
	}
	index := 0
	if text := r.URL.Query().Get("index"); text != "" {
		if index, err = strconv.Atoi(text); err != nil || index < 0 {
			return pipelines.Artifact{}, invalid("index: expected a number from 0, not %q", text)
		}
	}
	absent := fmt.Errorf("artifact %q of task %s: %w", name, task.Path, pipelines.ErrNotFound)
	if index >= len(ids) {
		return pipelines.Artifact{}, absent
	}
	found, err := a.Store.ArtifactsByID(r.Context(), ids[index:index+1])
	if err != nil {
		return pipelines.Artifact{}, err
	}
	if len(found) == 0 {
		return pipelines.Artifact{}, absent
	}
	return found[0], nil
}

// stream copies to the caller as it comes, for as long as it takes.
func (a *API) stream(w http.ResponseWriter, r *http.Request, from io.ReadCloser) {
	controller := http.NewResponseController(w)
	// Where the writer has no deadlines, there is none to lift.
	_ = controller.SetWriteDeadline(time.Time{})
	buffer := make([]byte, 64<<10)
	var err error
	for err == nil {
		var n int
		n, err = from.Read(buffer)
		if n > 0 {
			if _, failed := w.Write(buffer[:n]); failed != nil {
				err = failed
			} else if failed := controller.Flush(); failed != nil && !errors.Is(failed, http.ErrNotSupported) {
				err = failed
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, from.Close()); err != nil && r.Context().Err() == nil {
		slog.WarnContext(r.Context(), "stream ended early", "path", r.URL.Path, "error", err)
	}
}
