// Package ir owns the compiled format of a pipeline: its types, a strict parser
// for YAML (one or two documents) and JSON, validation that names the exact path
// (and in YAML the line and column), the stored form, and the check of a run's
// parameters against the pipeline's inputs.
//
// It follows kfp's pipeline_spec.proto. It knows what is well-formed, not what
// this product can run: that is package plan.
package ir
