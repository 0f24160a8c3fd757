// Package sqlstore keeps experiments, pipelines, versions, runs, tasks, attempts
// and artifacts in SQL.
//
// It owns the tables of the pipelines domain, their indexes and migrations. Two
// kinds of callers share it: the API creates, lists and deletes; the engine's side
// (Acquire, Renew, Commit) advances runs under a lease, and every one of its
// writes carries the lease's version. It must not know HTTP, Kubernetes or what a
// spec means.
//
// Errors wrap the sentinels of package pipelines, or are an *InvalidError for a
// list that was asked for wrongly.
package sqlstore
