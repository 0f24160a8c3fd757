package testkit

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	names    atomic.Int64
	notInDNS = regexp.MustCompile(`[^a-z0-9]+`)
)

// Name returns a DNS label of at most 40 characters, made from the test's name,
// that no other call in this process returns.
func Name(t testing.TB) string {
	base := notInDNS.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-")
	if len(base) > 32 {
		base = base[:32]
	}
	return fmt.Sprintf("t%s-%d", strings.Trim(base, "-"), names.Add(1))
}
