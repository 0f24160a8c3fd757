// Package testkit is what tests of all rooms share: a real API server started from
// our own programs, object builders, a clock that is stepped by hand, and names
// that no other test uses.
//
// Only tests import it. It must not know the code under test, only the API types.
package testkit
