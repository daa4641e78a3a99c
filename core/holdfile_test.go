package core

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// TestHoldFile: suspensions are read back as they were saved, a failure leaves
// those of before, and a broken file is an error.
func TestHoldFile(t *testing.T) {
	dir := t.TempDir()
	f := holdFile{filepath.Join(dir, holdFileName)}
	if got, err := f.Load(); err != nil || len(got) != 0 {
		t.Errorf("without a file: %v, %v", got, err)
	}
	since := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []queue.Hold{
		{Lane: queue.Lane{Binding: "b", Domain: "x.test"}, Since: since, Until: since.Add(time.Hour), Why: "tests"},
		{Lane: queue.Lane{Group: "g"}, Since: since},
	}
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %+v, %v", got, err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("left over: %v", names)
	}
	if err := (holdFile{filepath.Join(dir, "none", holdFileName)}).Save(nil); err == nil {
		t.Error("saved where there is no directory")
	}
	if err := os.WriteFile(f.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(); err == nil {
		t.Error("a broken file is no error")
	}
}
