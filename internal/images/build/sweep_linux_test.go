package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepRemovesWhatKilledBuildsLeft(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	b := &Builder{Cache: dir, Clock: func() time.Time { return now }}
	for _, w := range []string{".work-dead", ".work-alive"} {
		if err := os.MkdirAll(filepath.Join(dir, w, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for file, age := range map[string]time.Duration{"new.tar": time.Hour, "old.tar": keep + time.Hour} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := tryLock(dir, "alive")
	if err != nil || unlock == nil {
		t.Fatal(err)
	}
	defer func() { _ = unlock() }()
	if err := b.sweep(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{".work-dead": false, ".work-alive": true, "new.tar": true, "old.tar": false} {
		if _, err := os.Stat(filepath.Join(dir, file)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", file, err == nil, want)
		}
	}
}
