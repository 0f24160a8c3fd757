// Package artifact owns what the pipelines domain, the agent and the lineage
// say about data: the URI under which an output lies, the local path of a URI,
// the types of parameters and the three forms of a value (JSON, typed, text),
// and the {{$...}} placeholders of the compiled format.
//
// It is pure: it opens no file and knows no store, no run and no clock.
package artifact
