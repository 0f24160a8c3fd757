package main

import (
	"strings"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
)

// settledTables remembers that the controller's fixed chains and rules are in place. The library asks anew, by some twenty starts of iptables,
// before every write of the rules: two thirds of what a write costs, for an answer that nobody else's rules change in an instance's own network
// namespace. What was found is trusted for a time, then asked again; any change of a fixed rule forgets everything.
//
// The controller uses it from one goroutine at a time.
type settledTables struct {
	utils.IPTablesHandler
	now     func() time.Time
	trust   time.Duration
	asked   time.Time
	present map[string]bool
	rules   map[string][]string
}

func settle(tables utils.IPTablesHandler, now func() time.Time, trust time.Duration) *settledTables {
	s := &settledTables{IPTablesHandler: tables, now: now, trust: trust}
	s.forget()
	return s
}

func (s *settledTables) forget() {
	s.asked, s.present, s.rules = s.now(), map[string]bool{}, map[string][]string{}
}

func (s *settledTables) Exists(table, chain string, rule ...string) (bool, error) {
	return s.remember("rule", table, chain, rule, func() (bool, error) { return s.IPTablesHandler.Exists(table, chain, rule...) })
}

func (s *settledTables) ChainExists(table, chain string) (bool, error) {
	return s.remember("chain", table, chain, nil, func() (bool, error) { return s.IPTablesHandler.ChainExists(table, chain) })
}

// AppendUnique leaves the rule there, so a second call has nothing to do.
func (s *settledTables) AppendUnique(table, chain string, rule ...string) error {
	_, err := s.remember("rule", table, chain, rule, func() (bool, error) {
		err := s.IPTablesHandler.AppendUnique(table, chain, rule...)
		return err == nil, err
	})
	return err
}

func (s *settledTables) List(table, chain string) ([]string, error) {
	key := table + " " + chain
	if s.now().Sub(s.asked) > s.trust {
		s.forget()
	}
	if rules, ok := s.rules[key]; ok {
		return rules, nil
	}
	rules, err := s.IPTablesHandler.List(table, chain)
	if err == nil {
		s.rules[key] = rules
	}
	return rules, err
}

func (s *settledTables) NewChain(table, chain string) error {
	s.forget()
	return s.IPTablesHandler.NewChain(table, chain)
}

func (s *settledTables) Insert(table, chain string, pos int, rule ...string) error {
	s.forget()
	return s.IPTablesHandler.Insert(table, chain, pos, rule...)
}

func (s *settledTables) Delete(table, chain string, rule ...string) error {
	s.forget()
	return s.IPTablesHandler.Delete(table, chain, rule...)
}

// remember keeps yes; no is followed by a change.
func (s *settledTables) remember(what, table, chain string, rule []string, ask func() (bool, error)) (bool, error) {
	if s.now().Sub(s.asked) > s.trust {
		s.forget()
	}
	key := strings.Join(append([]string{what, table, chain}, rule...), " ")
	if s.present[key] {
		return true, nil
	}
	yes, err := ask()
	if err == nil && yes {
		s.present[key] = true
	}
	return yes, err
}
