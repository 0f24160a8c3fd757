package httpapi_test

import (
	"net/url"
	"testing"
)

// FuzzFilter sends filters to a real list: whatever they are, the answer is a
// list or a 400, and never another tenant's run.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"predicates":[{"operation":1,"key":"name","stringValue":"a run"}]}`,
		`{"predicates":[{"operation":"IN","key":"state","string_values":{"values":["PENDING"]}}]}`,
		`{"predicates":[{"operation":9,"key":"name","string_value":"%_\\"}]}`,
		`{"predicates":[{"operation":2,"key":"namespace","string_value":"ann"}]}`,
		`{"predicates":[{"operation":6,"key":"created_at","timestamp_value":"2026-03-01T12:00:00Z"}]}`,
		`{"predicates":[{"operation":3,"key":"created_at","long_value":"9223372036854775807"}]}`,
		`%7B%22predicates%22%3A%5B%5D%7D`, `{"predicates":[{"operation":1,"key":"t.id) OR (1=1","string_value":"x"}]}`,
	} {
		f.Add(seed)
	}
	w := newWorld(f)
	if a := w.do("ann", "POST", api+"/runs", runBody(`,"runtime_config":{"parameters":{"n":1}}`)); a.Status != 200 {
		f.Fatal(a)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		a := w.do("bob", "GET", api+"/runs?filter="+url.QueryEscape(filter), "")
		if a.Status != 200 && a.Status != 400 {
			t.Errorf("%q: %d %s", filter, a.Status, a.Body)
		}
		if a.Status == 200 && a.JSON(t)["total_size"] != nil {
			t.Errorf("%q: bob sees %s", filter, a.Body)
		}
	})
}
