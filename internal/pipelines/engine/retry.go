package engine

import (
	"container/heap"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// retryAt is a step that waits to be tried again.
type retryAt struct {
	n  *node
	at time.Time
}

// retryQueue is a heap by time.
type retryQueue []retryAt

func (q retryQueue) Len() int           { return len(q) }
func (q retryQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q retryQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *retryQueue) Push(x any)        { *q = append(*q, x.(retryAt)) }
func (q *retryQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

func (q *retryQueue) push(r retryAt) { heap.Push(q, r) }

// retryDue tries the steps again whose pause is over.
func (m *Machine) retryDue() {
	for len(m.retrying) > 0 && !m.retrying[0].at.After(m.now) {
		n := heap.Pop(&m.retrying).(retryAt).n
		if n.row.State == pipelines.Pending && !m.terminating {
			m.tryStep(n)
		}
	}
}

// backoff is the pause after the given number of failures.
func backoff(r *plan.Retry, failures int) time.Duration {
	d := float64(r.Backoff)
	for range failures - 1 {
		d *= r.Factor
		if d > float64(r.MaxBackoff) {
			break
		}
	}
	return min(time.Duration(min(d, float64(r.MaxBackoff))), r.MaxBackoff)
}
