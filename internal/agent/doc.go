// Package agent is what slipway-agent does inside a user's pod: it fetches the
// inputs of an attempt, runs the command as a child, keeps its log, uploads the
// outputs, and as its last act writes the outcome, create-only.
//
// It speaks S3 and nothing else; it knows no Kubernetes and holds less than 64 MB
// of memory, which counts against the user's limit.
package agent
