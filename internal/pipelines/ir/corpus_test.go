package ir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ml/slipway/internal/pipelines/ir"
)

// corpus lists the official compiled pipelines below dir, or skips.
func corpus(t *testing.T, dir string) []string {
	t.Helper()
	shared := os.Getenv("SLIPWAY_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	root := filepath.Join(shared, "corpus", "kfp", dir)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the corpus is not here: set SLIPWAY_SHARED (looked for %s)", root)
	}
	var files []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".yaml") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestParseAcceptsTheOfficialCorpus(t *testing.T) {
	for _, file := range corpus(t, "valid") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := ir.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		again, err := ir.Parse(spec.JSON())
		if err != nil {
			t.Errorf("%s: the stored form does not parse: %v", filepath.Base(file), err)
			continue
		}
		if diff := cmp.Diff(spec, again); diff != "" {
			t.Errorf("%s: the stored form is another spec (-parsed +stored):\n%s", filepath.Base(file), diff)
		}
	}
}

func TestParseRefusesTheInvalidCorpus(t *testing.T) {
	for _, file := range corpus(t, "invalid") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ir.Parse(data); err == nil {
			t.Errorf("%s was accepted", filepath.Base(file))
		} else {
			t.Logf("%s: %v", filepath.Base(file), err)
		}
	}
}
