package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/blob"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// Exit codes of an agent that leaves no outcome: the engine tries the step again.
const (
	exitAway        = 75  // the object store could not be reached
	exitInterrupted = 143 // the pod was told to stop
)

// terminationLog is where the kubelet looks for a container's last sentence.
const terminationLog = "/dev/termination-log"

// stepError is a failure of the step itself: trying the same again does not help.
type stepError struct {
	code    int // 0: 1
	message string
}

func (e *stepError) Error() string { return e.message }

// step is one attempt under way.
type step struct {
	spec  *attempt.Spec
	input *executorInput
	store *blob.Store
	log   *logArchive
}

// Step executes the attempt that the environment describes and returns the exit
// code of the container: that of the command.
func Step(ctx context.Context, environ []string, out io.Writer, signals <-chan os.Signal) int {
	env := envMap(environ)
	say := func(text string) { _, _ = fmt.Fprintf(out, "[slipway] %s\n", text) }
	store, err := blob.Open(blob.Config{
		Endpoint: env[attempt.EnvEndpoint], Region: env[attempt.EnvRegion],
		AccessKey: env[attempt.EnvAccessKey], SecretKey: env[attempt.EnvSecretKey],
	})
	if err != nil {
		return giveUp(say, err)
	}
	spec, err := loadSpec(ctx, env, store, say)
	if err != nil {
		return giveUp(say, err)
	}
	s := &step{spec: spec, store: store}
	s.log = newLogArchive(ctx, out, s.putLog)
	outcome, err := s.execute(ctx, environ, signals)
	if err != nil {
		s.say(err.Error())
		s.log.Close()
		return giveUp(func(string) {}, err)
	}
	if err := s.finish(ctx, outcome, say); err != nil {
		return giveUp(say, err)
	}
	return outcome.ExitCode
}

func envMap(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return m
}

// giveUp ends without an outcome. The sentence reaches the engine through the
// container's termination message.
func giveUp(say func(string), err error) int {
	say(err.Error())
	_ = os.WriteFile(terminationLog, []byte(err.Error()), 0o600)
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	return exitAway
}

var errInterrupted = errors.New("the pod was told to stop before the step had finished")

func loadSpec(ctx context.Context, env map[string]string, store *blob.Store, say func(string)) (*attempt.Spec, error) {
	data := []byte(env[attempt.EnvSpec])
	if object := env[attempt.EnvSpecObject]; object != "" {
		uri, err := artifact.ParseURI(object)
		if err != nil {
			return nil, err
		}
		err = retry(ctx, say, patience, func(ctx context.Context) (err error) {
			data, err = store.Read(ctx, uri.Bucket, uri.Key, 256<<20)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read what to do: %w", err)
		}
	}
	spec := &attempt.Spec{}
	if err := json.Unmarshal(data, spec); err != nil {
		return nil, fmt.Errorf("read what to do: %w", err)
	}
	return spec, nil
}

// execute does everything up to the outcome. A failure of the step is part of the
// outcome; an error means that there must be none.
func (s *step) execute(ctx context.Context, environ []string, signals <-chan os.Signal) (*attempt.Outcome, error) {
	o := &attempt.Outcome{StartedAt: time.Now().UTC()}
	err := s.perform(ctx, o, environ, signals)
	o.FinishedAt = time.Now().UTC()
	var failure *stepError
	switch {
	case err == nil:
		o.Succeeded = true
		return o, nil
	case errors.As(err, &failure):
		o.Message, o.ExitCode = failure.message, max(failure.code, 1)
	case errors.Is(err, blob.ErrDenied), errors.Is(err, blob.ErrNotFound):
		o.Message, o.ExitCode = err.Error(), 1
	default:
		return nil, err
	}
	s.say(o.Message)
	o.LogTail = s.log.Tail()
	return o, nil
}

// perform fetches, runs and uploads, and fills in the outputs.
func (s *step) perform(ctx context.Context, o *attempt.Outcome, environ []string, signals <-chan os.Signal) error {
	input, err := parseInput(s.spec.ExecutorInput)
	if err != nil {
		return &stepError{message: err.Error()}
	}
	s.input = input
	if err := s.interruptible(ctx, signals, s.fetchInputs); err != nil {
		return err
	}
	if err := s.makeOutputDirs(); err != nil {
		return err
	}
	if err := s.runUser(environ, signals); err != nil {
		return err
	}
	out, err := s.readOutput()
	if err != nil {
		return err
	}
	if o.Parameters, err = s.parameters(out); err != nil {
		return err
	}
	o.Artifacts, err = s.artifacts(ctx, out)
	return err
}

// interruptible runs fn until it ends or the pod is told to stop.
func (s *step) interruptible(ctx context.Context, signals <-chan os.Signal, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = fn(ctx)
	}()
	select {
	case <-done:
		return err
	case <-signals:
		cancel()
		<-done
		return errInterrupted
	}
}

// runUser runs the command and judges how it ended.
func (s *step) runUser(environ []string, signals <-chan os.Signal) error {
	r := resolver{spec: s.spec, input: s.input}
	argv := append(r.args(s.spec.Command), r.args(s.spec.Args)...)
	if len(argv) == 0 {
		return &stepError{message: "the component has no command"}
	}
	author := make([]attempt.EnvVar, 0, len(s.spec.Env))
	for _, e := range s.spec.Env {
		e.Value = r.text(e.Value)
		if e.Name == "PATH" {
			_ = os.Setenv("PATH", e.Value) // where the command is looked up
		}
		author = append(author, e)
	}
	kills := memoryKills()
	end, err := runCommand(argv, commandEnv(environ, author), s.log, signals)
	switch {
	case err != nil:
		return err
	case end.interrupted:
		return errInterrupted
	case end.code == 0:
		return nil
	case memoryKills() > kills:
		return &stepError{code: end.code, message: "the step ran out of memory: raise its memory limit, or make it need less"}
	case end.signal != 0:
		return &stepError{code: end.code, message: fmt.Sprintf("the command was ended by signal %d (%v)", int(end.signal), end.signal)}
	}
	message := fmt.Sprintf("the command ended with exit code %d", end.code)
	if last := lastLine(s.log.Tail()); last != "" {
		message += ": " + last
	}
	return &stepError{code: end.code, message: message}
}

// finish archives the log and then, last of all, writes the outcome. One that
// exists already stands: it is ours of a call whose answer was lost, or the
// engine has closed this attempt.
func (s *step) finish(ctx context.Context, o *attempt.Outcome, say func(string)) error {
	s.log.Close()
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("outcome: %w", err)
	}
	key := path.Join(s.spec.Prefix, attempt.OutcomeName)
	err = retry(ctx, say, outcomePatience, func(ctx context.Context) error {
		return s.store.PutIfAbsent(ctx, s.spec.Bucket, key, data)
	})
	if errors.Is(err, blob.ErrExists) {
		return nil
	}
	return err
}

func (s *step) say(text string) { _, _ = fmt.Fprintf(s.log, "[slipway] %s\n", text) }

func (s *step) retry(ctx context.Context, fn func(context.Context) error) error {
	return retry(ctx, s.say, patience, fn)
}

func (s *step) putLog(ctx context.Context, name string, data []byte) error {
	key := path.Join(s.spec.Prefix, name)
	return retry(ctx, func(string) {}, patience, func(ctx context.Context) error {
		return s.store.PutBytes(ctx, s.spec.Bucket, key, data)
	})
}
