// Package engine owns the state machine of a run: which task runs next, with
// which inputs, and what the run's state is.
//
// It is pure. It never talks to a database, a cluster or a clock: events and the
// time go in (Advance), rows to write and pods to start or stop come out (Take). A
// machine can be dropped at any time and made anew from the rows.
//
// What the pipeline's author may rely on:
//
//   - A task has a row once its upstream tasks are final. When its condition is
//     false, or an upstream task failed or was skipped, the row is SKIPPED and its
//     Why says so; tasks inside a skipped DAG have none. Upstream shows the same
//     (Argo's Omitted and Skipped are both SKIPPED).
//   - A failed step fails its DAG and so the run, after everything that does not
//     depend on it has ended. The run's error names the step that failed first.
//   - The strategy ALL_UPSTREAM_TASKS_COMPLETED (exit tasks, ignore_upstream_failure)
//     runs a task however its upstream ended; not after the run was terminated.
//   - dsl.Collected lists are in the order of the iterations. Nested loops give one
//     flat list, as upstream's backend does (kfp.local nests them); an iteration
//     that skipped the producer leaves no gap. No iterations: an empty list.
//   - A missing output is an error of the task that needs it, not of the DAG that
//     would have handed it on.
//   - Retry policies hold for steps, in loops and nested DAGs too; on a DAG they are
//     ignored. Lost attempts (no outcome) are repeated apart from that, see LostLimit.
//   - Nothing is cached: caching options are read and have no effect.
package engine
