// Package reconcile makes of a Profile what a tenant needs: a namespace with an
// owner, identities, quota, network isolation, and a bucket with its own key.
//
// It is the controller that others copy. Read it in this order:
//
//	controller.go  Reconcile, one screen: gather, decide, apply, status
//	gather.go      what is there: the only reads
//	decide.go      what there should be: values in, values out, no client, no clock
//	objects.go     the objects, each in a function; quota.go: the limits
//	status.go      the one condition, and the event that tells of a change
//	finalize.go    deletion, with a time limit
//
// It must not know pipelines, notebooks or any other domain: what they need in a
// tenant's namespace is here only as objects with agreed names (see userpod).
package reconcile
