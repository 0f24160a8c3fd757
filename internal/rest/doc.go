// Package rest is the one codec of our REST APIs: strict request bodies, answers,
// errors in the shape that upstream's clients expect, uploads and the archives in
// them.
//
// JSON follows grpc-gateway: snake_case names (camelCase is understood too), unset
// fields omitted, int64 as strings, times in RFC 3339, and an unknown field in a
// request is an error that names its path. The package must not know any domain.
package rest
