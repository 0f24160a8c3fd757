// Package version carries the program's version, set when it is linked.
package version

// Version is set with -ldflags -X.
var Version = "dev"
