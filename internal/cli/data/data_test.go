package data

import "testing"

func TestObjectsAreToldFromFiles(t *testing.T) {
	for arg, want := range map[string]struct {
		object
		remote, bad bool
	}{
		"s3://team/a/b.csv": {object{"team", "a/b.csv"}, true, false},
		"s3://team":         {object{"team", ""}, true, false},
		"s3:a/b.csv":        {object{"", "a/b.csv"}, true, false},
		"s3:/a":             {object{"", "a"}, true, false},
		"s3:///a":           {remote: true, bad: true},
		"a/b.csv":           {},
		"./s3":              {},
	} {
		got, remote, err := parse(arg)
		if remote != want.remote || (err != nil) != want.bad || (err == nil && got != want.object) {
			t.Errorf("%s: got %+v %v %v", arg, got, remote, err)
		}
	}
}

func TestSizeIsReadable(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 3 << 30: "3.0 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
