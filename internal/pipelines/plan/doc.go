// Package plan turns a valid pipeline spec into the static graph that the engine
// walks: DAGs, tasks in an order, what each waits for, where its inputs come
// from, and what it runs.
//
// It refuses by name what this product cannot run. It knows nothing of runs.
package plan
