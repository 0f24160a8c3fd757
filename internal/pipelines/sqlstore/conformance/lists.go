package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
)

func paging(t *testing.T, s *sqlstore.Store) {
	e := newExperiment(t, s, "ann", "one")
	var want []string
	for i := range 25 {
		// Three runs share each time, so that ties are broken by id.
		r := must[pipelines.Run](t)(s.CreateRun(t.Context(), pipelines.Run{
			ID: fmt.Sprintf("run-%02d", (i*7)%25), ExperimentID: e.ID, DisplayName: fmt.Sprint("n", i%5),
			CreatedAt: Start.Add(time.Duration(i/3) * time.Second),
		}))
		want = append(want, r.ID)
	}
	slices.Sort(want)
	for _, sortBy := range []string{"", "created_at", "created_at desc", "name", "display_name DESC", "id desc", "state", "finished_at asc"} {
		for _, size := range []int{1, 4, 25} {
			got := walk(t, s, sqlstore.ListQuery{Namespace: "ann", SortBy: sortBy, PageSize: size})
			slices.Sort(got)
			same(t, want, got)
		}
	}
	page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{Namespace: "ann"}))
	same(t, sqlstore.DefaultPageSize, len(page.Items))
	same(t, 25, page.Total)
	page = must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{Namespace: "ann", PageSize: 100000}))
	same(t, 25, len(page.Items))
	same(t, "", page.NextToken)
}

// walk lists page by page until the end.
func walk(t *testing.T, s *sqlstore.Store, q sqlstore.ListQuery) []string {
	t.Helper()
	var ids []string
	for {
		page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), q))
		for _, r := range page.Items {
			ids = append(ids, r.ID)
		}
		if page.NextToken == "" || len(ids) > 1000 {
			return ids
		}
		q.PageToken = page.NextToken
	}
}

func isInvalid(err error, want string) bool {
	var invalid *sqlstore.InvalidError
	return errors.As(err, &invalid) && strings.Contains(invalid.Message, want)
}

func tokens(t *testing.T, s *sqlstore.Store) {
	e := newExperiment(t, s, "ann", "one")
	newRun(t, s, e, "a")
	newRun(t, s, e, "b")
	first := sqlstore.ListQuery{Namespace: "ann", PageSize: 1, SortBy: "name"}
	token := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), first)).NextToken
	for name, change := range map[string]func(*sqlstore.ListQuery){
		"sort": func(q *sqlstore.ListQuery) { q.SortBy = "created_at" }, "direction": func(q *sqlstore.ListQuery) { q.SortBy = "name desc" },
		"namespace": func(q *sqlstore.ListQuery) { q.Namespace = "bob" }, "parent": func(q *sqlstore.ListQuery) { q.Parent = e.ID },
		"filter": func(q *sqlstore.ListQuery) {
			q.Filter = []sqlstore.Predicate{{Key: "name", Op: sqlstore.OpEquals, Value: "b"}}
		},
		"garbage": func(q *sqlstore.ListQuery) { q.PageToken = "garbage" },
	} {
		q := first
		q.PageToken = token
		change(&q)
		if _, err := s.ListRuns(t.Context(), q); !isInvalid(err, "page_token") {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	first.PageToken, first.PageSize = token, 7 // the size may change
	page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), first))
	same(t, "b ", names(page.Items, runName))
}

func filters(t *testing.T, s *sqlstore.Store) {
	e, other := newExperiment(t, s, "ann", "one"), newExperiment(t, s, "ann", "two")
	newRun(t, s, e, "alpha")
	newRun(t, s, e, "al%ph_")
	newRun(t, s, other, "Beta")
	check(t, s.UpdateRun(t.Context(), "run-Beta", func(r *pipelines.Run) error { r.StorageState = pipelines.Archived; return nil }))
	check(t, s.RequestTerminate(t.Context(), "run-alpha", Start))
	beta := must[*pipelines.Run](t)(s.Run(t.Context(), "run-Beta")).CreatedAt
	cases := map[string]struct {
		filter []sqlstore.Predicate
		want   string
	}{
		"equal":             {one("name", sqlstore.OpEquals, "alpha"), "alpha "},
		"not equal":         {one("display_name", sqlstore.OpNotEquals, "alpha"), "al%ph_ Beta "},
		"substring":         {one("name", sqlstore.OpIsSubstring, "PHA"), "alpha "},
		"substring percent": {one("name", sqlstore.OpIsSubstring, "l%p"), "al%ph_ "},
		"substring lodash":  {one("name", sqlstore.OpIsSubstring, "h_"), "al%ph_ "},
		"not archived":      {one("storage_state", sqlstore.OpNotEquals, "ARCHIVED"), "alpha al%ph_ "},
		"archived":          {one("storage_state", sqlstore.OpEquals, "ARCHIVED"), "Beta "},
		"state":             {one("status", sqlstore.OpEquals, "CANCELING"), "alpha "},
		"in":                {one("id", sqlstore.OpIn, []any{"run-alpha", "run-Beta", "none"}), "alpha Beta "},
		"experiment":        {one("experiment_id", sqlstore.OpEquals, other.ID), "Beta "},
		"time":              {one("created_at", sqlstore.OpGreaterThanEquals, beta), "Beta "},
		"time as text":      {one("created_at", sqlstore.OpLessThan, beta.Format(time.RFC3339Nano)), "alpha al%ph_ "},
		"time as seconds":   {one("created_at", sqlstore.OpLessThan, beta.Unix()), "alpha al%ph_ "},
		"not finished":      {one("finished_at", sqlstore.OpLessThan, beta.AddDate(1, 0, 0)), ""},
		"two":               {append(one("state", sqlstore.OpEquals, "PENDING"), one("name", sqlstore.OpIsSubstring, "b")...), "Beta "},
		"injection":         {one("name", sqlstore.OpEquals, "' OR 1=1 --"), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{Namespace: "ann", Filter: c.filter}))
			same(t, c.want, names(page.Items, runName))
			same(t, len(page.Items), page.Total)
		})
	}
	tagged(t, s)
}

func tagged(t *testing.T, s *sqlstore.Store) {
	newPipeline(t, s, "one", map[string]string{"team": "x", "note": `"team":"y"`})
	newPipeline(t, s, "two", map[string]string{"team": "y"})
	newPipeline(t, s, "three", map[string]string{"theteam": "y"})
	page := must[sqlstore.Page[pipelines.Pipeline]](t)(s.ListPipelines(t.Context(), sqlstore.ListQuery{
		Namespace: "ann", Filter: one("tags.team", sqlstore.OpEquals, "y"),
	}))
	same(t, "two ", names(page.Items, func(p pipelines.Pipeline) string { return p.Name }))
}

func one(key string, op sqlstore.Op, value any) []sqlstore.Predicate {
	return []sqlstore.Predicate{{Key: key, Op: op, Value: value}}
}

func badFilters(t *testing.T, s *sqlstore.Store) {
	cases := map[string]struct {
		q    sqlstore.ListQuery
		want string
	}{
		"unknown key":        {sqlstore.ListQuery{Filter: one("color", sqlstore.OpEquals, "x")}, `"color"`},
		"column, not key":    {sqlstore.ListQuery{Filter: one("parameters", sqlstore.OpEquals, "x")}, `"parameters"`},
		"unknown operation":  {sqlstore.ListQuery{Filter: one("name", 4, "x")}, "operation 4"},
		"number for text":    {sqlstore.ListQuery{Filter: one("name", sqlstore.OpEquals, int64(1))}, "string_value"},
		"text for time":      {sqlstore.ListQuery{Filter: one("created_at", sqlstore.OpEquals, "yesterday")}, "RFC 3339"},
		"substring of time":  {sqlstore.ListQuery{Filter: one("created_at", sqlstore.OpIsSubstring, "2026")}, "IS_SUBSTRING"},
		"in without values":  {sqlstore.ListQuery{Filter: one("name", sqlstore.OpIn, []any{})}, "IN needs"},
		"in with one value":  {sqlstore.ListQuery{Filter: one("name", sqlstore.OpIn, "x")}, "IN needs"},
		"tags of runs":       {sqlstore.ListQuery{Filter: one("tags.a", sqlstore.OpEquals, "x")}, "tags.a"},
		"unknown sort":       {sqlstore.ListQuery{SortBy: "color"}, "sort_by"},
		"unknown direction":  {sqlstore.ListQuery{SortBy: "name sideways"}, "sort_by"},
		"more than two sort": {sqlstore.ListQuery{SortBy: "name asc, id"}, "sort_by"},
		"metric sort":        {sqlstore.ListQuery{SortBy: "metric:accuracy"}, "sort_by"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := s.ListRuns(t.Context(), c.q); !isInvalid(err, c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	q := sqlstore.ListQuery{Filter: one("tags.a", sqlstore.OpNotEquals, "x")}
	if _, err := s.ListPipelines(t.Context(), q); !isInvalid(err, "EQUALS") {
		t.Errorf("tags compared by <>: %v", err)
	}
}

// totals compares every total with what a walk through the pages finds, after each
// step in the lives of some runs.
func totals(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	e, other := newExperiment(t, s, "ann", "one"), newExperiment(t, s, "ann", "two")
	for i := range 6 {
		newRun(t, s, []pipelines.Experiment{e, other}[i%2], fmt.Sprint(i))
	}
	held := must[[]pipelines.Run](t)(s.Acquire(ctx, "me", Start, Start.Add(time.Hour), 10))
	commit := func(i int, state pipelines.State) func() error {
		return func() error {
			held[i].State = state
			return s.Commit(ctx, held[i].Lease, pipelines.Change{Run: &held[i]})
		}
	}
	set := func(state pipelines.StorageState) func(*pipelines.Experiment) error {
		return func(e *pipelines.Experiment) error { e.StorageState = state; return nil }
	}
	steps := []func() error{
		func() error { return nil }, commit(0, pipelines.Running), commit(1, pipelines.Running), commit(0, pipelines.Succeeded),
		func() error { return s.RequestTerminate(ctx, held[1].ID, Start) }, commit(1, pipelines.Running), commit(1, pipelines.Canceled),
		func() error { return s.UpdateExperiment(ctx, e.ID, set(pipelines.Archived)) },
		func() error { return s.UpdateExperiment(ctx, e.ID, set(pipelines.Archived)) },
		func() error { return s.UpdateExperiment(ctx, e.ID, set(pipelines.Available)) },
		func() error {
			return s.UpdateRun(ctx, "run-0", func(r *pipelines.Run) error { r.StorageState = pipelines.Available; return nil })
		},
		func() error {
			return s.UpdateRun(ctx, "run-1", func(r *pipelines.Run) error { r.StorageState = pipelines.Archived; return nil })
		},
		func() error { return s.UpdateExperiment(ctx, e.ID, set(pipelines.Archived)) },
		func() error { return s.DeleteRun(ctx, "run-2") }, func() error { return s.DeleteRun(ctx, "run-3") },
		func() error { return s.DeleteExperiment(ctx, e.ID) },
	}
	queries := []sqlstore.ListQuery{{}, {Parent: e.ID}, {Parent: other.ID}}
	for _, f := range []sqlstore.Predicate{
		{Key: "storage_state", Op: sqlstore.OpEquals, Value: "ARCHIVED"}, {Key: "storage_state", Op: sqlstore.OpNotEquals, Value: "ARCHIVED"},
		{Key: "state", Op: sqlstore.OpIn, Value: []any{"PENDING", "RUNNING"}}, {Key: "state", Op: sqlstore.OpEquals, Value: "CANCELING"},
		{Key: "experiment_id", Op: sqlstore.OpNotEquals, Value: e.ID}, {Key: "name", Op: sqlstore.OpIsSubstring, Value: "1"},
	} {
		queries = append(queries, sqlstore.ListQuery{Filter: []sqlstore.Predicate{f}}, sqlstore.ListQuery{Filter: []sqlstore.Predicate{f}, Parent: other.ID})
	}
	for i, step := range steps {
		check(t, step())
		for _, q := range queries {
			q.Namespace, q.PageSize = "ann", 2
			page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(ctx, q))
			if want := len(walk(t, s, q)); page.Total != want {
				t.Errorf("after step %d: total %d, found %d: %+v", i, page.Total, want, q)
			}
		}
	}
}

func tenancy(t *testing.T, s *sqlstore.Store) {
	ann, bob := newExperiment(t, s, "ann", "one"), newExperiment(t, s, "bob", "one")
	newRun(t, s, ann, "a")
	newRun(t, s, bob, "b")
	for namespace, want := range map[string]string{"ann": "a ", "bob": "b ", "carl": "", "": ""} {
		page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{Namespace: namespace}))
		same(t, want, names(page.Items, runName))
	}
	// A filter cannot reach out of the namespace.
	page := must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{
		Namespace: "ann", Filter: one("namespace", sqlstore.OpEquals, "bob"),
	}))
	same(t, "", names(page.Items, runName))
	page = must[sqlstore.Page[pipelines.Run]](t)(s.ListRuns(t.Context(), sqlstore.ListQuery{Namespace: "ann", Parent: bob.ID}))
	same(t, "", names(page.Items, runName))
}
