// Package engine owns the state machine of a run: which task runs next, with
// which inputs, and what the run's state is.
//
// It is pure. It never talks to a database, a cluster or a clock: events and the
// time go in (Advance), rows to write and pods to start or stop come out (Take).
package engine
