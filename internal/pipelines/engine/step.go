package engine

import (
	"fmt"
	"time"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// tryStep makes the next attempt of a step.
func (m *Machine) tryStep(n *node) {
	number := 1
	if n.attempt != nil {
		number = n.attempt.Number + 1
	}
	spec, err := m.attemptSpec(n, number)
	if err != nil {
		m.fail(n, err.Error())
		return
	}
	input, err := m.json.encode(spec)
	if err != nil {
		m.fail(n, err.Error())
		return
	}
	n.attempt = &pipelines.Attempt{
		TaskID: n.row.ID, RunID: m.run.ID, Number: number, Input: input, State: pipelines.Running, CreatedAt: m.now,
		PodName: podName(m.plan.Pipeline, n.row.Name, n.row.ID, number),
	}
	n.spec = spec
	n.row.PodName = n.attempt.PodName
	m.steps[n.row.ID] = n
	m.open++
	m.newAttempts = append(m.newAttempts, n.attempt)
	m.starts = append(m.starts, n)
	m.touch(n)
}

// endAttempt closes the latest attempt.
func (m *Machine) endAttempt(n *node, s pipelines.State, at time.Time, why string) {
	a := *n.attempt // rows handed out before stay as they were
	a.State, a.FinishedAt = s, at
	if why != "" {
		a.Error = &pipelines.Status{Code: codeUnknown, Message: why}
	}
	n.attempt = &a
	m.open--
	m.newAttempts = append(m.newAttempts, n.attempt)
}

// handle takes one event in. Events of attempts that are over are old news.
func (m *Machine) handle(e Event) {
	switch e := e.(type) {
	case Terminate:
		if m.run.TerminateRequested.IsZero() {
			m.run.TerminateRequested = m.now
		}
		m.terminate()
	case TaskWaiting:
		if n := m.steps[e.TaskID]; n != nil && n.open() && n.row.State == pipelines.Pending && n.row.Why != e.Why {
			n.row.Why = e.Why
			m.touch(n)
		}
	case TaskStarted:
		if n := m.current(e.TaskID, e.Number); n != nil {
			m.started(n, e.At)
		}
	case StartRefused:
		if n := m.current(e.TaskID, e.Number); n != nil {
			m.endAttempt(n, pipelines.Failed, m.now, e.Reason)
			m.endStep(n, e.Reason)
		}
	case AttemptLost:
		if n := m.current(e.TaskID, e.Number); n != nil {
			m.attemptLost(n, e.Reason)
		}
	case AttemptFinished:
		if n := m.current(e.TaskID, e.Number); n != nil && e.Outcome != nil {
			m.attemptFinished(n, e.Outcome, e.At)
		}
	}
}

// current is the step whose open attempt has the number; nil if there is none.
func (m *Machine) current(taskID string, number int) *node {
	n := m.steps[taskID]
	if n == nil || !n.open() || n.attempt.Number != number {
		return nil
	}
	return n
}

func (m *Machine) started(n *node, at time.Time) {
	if !n.attempt.StartedAt.IsZero() {
		return
	}
	a := *n.attempt
	a.StartedAt = at
	n.attempt = &a
	m.newAttempts = append(m.newAttempts, n.attempt)
	n.row.Why = ""
	if n.row.StartedAt.IsZero() {
		n.row.StartedAt = at
	}
	if n.row.State == pipelines.Pending {
		m.setState(n, pipelines.Running, nil)
	}
	m.touch(n)
}

func (m *Machine) attemptLost(n *node, reason string) {
	m.endAttempt(n, pipelines.Failed, m.now, reason)
	if m.terminating {
		m.cancel(n)
		return
	}
	n.lost++
	if n.lost >= LostLimit {
		m.fail(n, fmt.Sprintf("%d attempts ended without an outcome; the last one: %s", n.lost, reason))
		return
	}
	m.again(n, fmt.Sprintf("attempt %d was lost and is repeated: %s", n.attempt.Number, reason))
	m.tryStep(n)
}

func (m *Machine) attemptFinished(n *node, o *attempt.Outcome, at time.Time) {
	if at.IsZero() {
		at = m.now
	}
	if n.row.StartedAt.IsZero() {
		n.row.StartedAt = o.StartedAt
	}
	message := o.Message
	if !o.Succeeded && message == "" {
		message = fmt.Sprintf("the command ended with exit code %d", o.ExitCode)
	}
	if o.Succeeded {
		if err := m.takeOutputs(n, o); err != nil {
			message = err.Error()
		}
	}
	state := pipelines.Succeeded
	if message != "" {
		state = pipelines.Failed
	}
	raw, err := m.json.encode(o)
	if err != nil { // an outcome was JSON before
		raw = artifact.Null
	}
	n.attempt.Outcome = raw
	n.attempt.StartedAt = firstTime(n.attempt.StartedAt, o.StartedAt)
	m.endAttempt(n, state, at, message)
	switch {
	case state == pipelines.Succeeded:
		m.succeed(n)
	case m.terminating:
		m.cancel(n)
	default:
		n.tries++
		m.endStep(n, message)
	}
}

func firstTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// endStep fails the step, or puts it off until its retry policy says.
func (m *Machine) endStep(n *node, message string) {
	if m.terminating {
		m.cancel(n)
		return
	}
	r := n.task.Retry
	if r == nil || n.tries == 0 || n.tries > r.Max || n.attempt.Outcome == nil {
		m.fail(n, message)
		return
	}
	pause := backoff(r, n.tries)
	m.again(n, fmt.Sprintf("attempt %d failed and is repeated in %s: %s", n.attempt.Number, pause, message))
	m.retrying.push(retryAt{n, m.now.Add(pause)})
}

// again puts a step back to waiting.
func (m *Machine) again(n *node, why string) {
	m.setState(n, pipelines.Pending, nil)
	n.row.Why = why
}

// takeOutputs checks and records what a step left. The sentence of the error names
// the output.
func (m *Machine) takeOutputs(n *node, o *attempt.Outcome) error {
	out := pipelines.TaskIO{}
	for _, p := range n.comp.Outputs.Parameters {
		v := o.Parameters[p.Name]
		if len(v) == 0 {
			return fmt.Errorf("the step wrote no output parameter %q", p.Name)
		}
		if !artifact.IsNull(v) {
			converted, err := artifact.Convert(p.Type, v)
			if err != nil {
				return fmt.Errorf("output parameter %q %w", p.Name, err)
			}
			v = converted
		}
		setParameter(&out, p.Name, v)
	}
	for _, def := range n.comp.Outputs.Artifacts {
		for _, a := range o.Artifacts[def.Name] {
			id := m.record(n, def.Name, def.Type, a)
			if out.Artifacts == nil {
				out.Artifacts = map[string][]string{}
			}
			out.Artifacts[def.Name] = append(out.Artifacts[def.Name], id)
		}
	}
	n.row.Outputs = out
	return nil
}

// record makes the row of an output artifact.
func (m *Machine) record(n *node, name string, declared attempt.ArtifactType, a attempt.Artifact) string {
	t := a.Type
	if t.SchemaTitle == "" {
		t = declared
	}
	fact := pipelines.Artifact{
		ID: m.env.NewID(), Namespace: m.run.Namespace, RunID: m.run.ID, TaskID: n.row.ID, Name: name,
		SchemaTitle: t.SchemaTitle, SchemaVersion: t.SchemaVersion,
		URI: a.URI, Metadata: a.Metadata, CustomPath: a.CustomPath, CreatedAt: m.now,
	}
	m.artifacts[fact.ID] = &fact
	m.newFacts = append(m.newFacts, fact)
	return fact.ID
}

func setParameter(io *pipelines.TaskIO, name string, v artifact.Value) {
	if io.Parameters == nil {
		io.Parameters = map[string]pipelines.Value{}
	}
	io.Parameters[name] = v
}
