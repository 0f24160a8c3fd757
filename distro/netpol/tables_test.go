package main

import (
	"testing"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
)

// counting answers yes and counts the questions, each of them a process in the real one.
type counting struct {
	utils.IPTablesHandler
	asked int
	yes   bool
}

func (c *counting) Exists(string, string, ...string) (bool, error) { c.asked++; return c.yes, nil }
func (c *counting) List(string, string) ([]string, error)          { c.asked++; return nil, nil }
func (c *counting) Insert(string, string, int, ...string) error    { return nil }

func TestSettledTables(t *testing.T) {
	now := time.Unix(0, 0)
	ask := func(s *settledTables) {
		s.Exists("filter", "INPUT", "-j", "X")
		s.List("filter", "INPUT")
	}
	cases := map[string]struct {
		yes  bool
		then func(*settledTables)
		want int
	}{
		"what is in place is asked once":           {yes: true, then: func(*settledTables) {}, want: 2},
		"what is missing is asked again":           {yes: false, then: func(*settledTables) {}, want: 3},
		"a change forgets":                         {yes: true, then: func(s *settledTables) { s.Insert("filter", "INPUT", 1) }, want: 4},
		"after a while everything is asked again":  {yes: true, then: func(*settledTables) { now = now.Add(2 * time.Minute) }, want: 4},
		"within that while nothing is asked again": {yes: true, then: func(*settledTables) { now = now.Add(59 * time.Second) }, want: 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			real := &counting{yes: c.yes}
			s := settle(real, func() time.Time { return now }, time.Minute)
			ask(s)
			c.then(s)
			ask(s)
			if real.asked != c.want {
				t.Errorf("asked %d times, want %d", real.asked, c.want)
			}
		})
	}
}
