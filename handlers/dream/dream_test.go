package dream_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/handlers/handlertest"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDreamOfRealConversations tells what a dream makes of real data, where
// DREAMLAB_SHARED names the folder that holds it.
func TestDreamOfRealConversations(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("DREAMLAB_SHARED")
	if folder == "" {
		return // the tests below dream of conversations of their own
	}
	lines, err := os.ReadFile(filepath.Join(folder, "taskmaster4-coffee.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	b := handlertest.New(t)
	e := b.Start(t, nil)
	imported := b.Import(t, e, lines)
	t.Logf("import: %s", imported.Result)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	t.Logf("dream %s, stage %s, counts %+v, live %d", d.Status, d.Stage, d.Counts, d.LiveCost)
	if j.State != job.StateSucceeded || d.Counts.Kept == 0 {
		t.Errorf("job %s %v, kept %d", j.State, j.Error, d.Counts.Kept)
	}
}
