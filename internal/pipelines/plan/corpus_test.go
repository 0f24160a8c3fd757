package plan_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/pipelines/ir"
	"github.com/slipway-ml/slipway/internal/pipelines/plan"
)

// TestTheOfficialCorpusCompilesOrIsRefusedByName prints what is refused with -v.
func TestTheOfficialCorpusCompilesOrIsRefusedByName(t *testing.T) {
	shared := os.Getenv("SLIPWAY_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	root := filepath.Join(shared, "corpus", "kfp", "valid")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the corpus is not here: set SLIPWAY_SHARED (looked for %s)", root)
	}
	compiled, refused := 0, 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+string(filepath.Separator))
		spec, err := ir.Parse(data)
		if err != nil {
			t.Errorf("%-75s %v", name, err)
			return nil
		}
		_, err = plan.Compile(spec)
		var unsupported *plan.UnsupportedError
		switch {
		case err == nil:
			compiled++
		case errors.As(err, &unsupported):
			refused++
			t.Logf("%-75s %s", name, unsupported)
		default:
			t.Errorf("%-75s %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d compile, %d are refused by name", compiled, refused)
}
