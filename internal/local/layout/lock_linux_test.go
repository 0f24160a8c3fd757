package layout_test

import (
	"errors"
	"testing"

	"github.com/slipway-ml/slipway/internal/local/layout"
)

func TestOneHolderOnly(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	first, err := dir.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Lock(); !errors.Is(err, layout.ErrHeld) {
		t.Errorf("second lock: %v", err)
	}
	first.Close()
	again, err := dir.Lock()
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again.Close()
}
