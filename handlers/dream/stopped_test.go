package dream_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// checked are conversations of which some meet their references, the first, and give rows; of those that follow none does.
func checked(right, wrong int) []byte {
	var lines bytes.Buffer
	for i := range right + wrong {
		reference := fmt.Sprintf("#### %d", 40+i)
		if i >= right {
			reference = "#### 1000003"
		}
		lines.Write(line(i, false, fmt.Sprintf("What does kettle %d cost?", i), fmt.Sprintf("Kettle %d costs %d.", i, 40+i),
			map[string]any{"reference": reference}))
	}
	return lines.Bytes()
}

// TestDreamOfFallingYieldEndsEarly keeps what it has, gives back what it has not begun, and says why.
func TestDreamOfFallingYieldEndsEarly(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) {
		d.Dream.SliceSize = 1
		d.Dream.Breaker = dream.Breaker{Window: 4}
	})
	b.Import(t, e, checked(12, 60))
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	stopped := d.Counts.Rejected["stopped"]
	if j.State != job.StateSucceeded || !strings.HasPrefix(d.Stopped, "the yield fell: of the last ") || stopped == 0 {
		t.Fatalf("job %s %v, stopped %q, counts %+v", j.State, j.Error, d.Stopped, d.Counts)
	}
	if d.Counts.Kept == 0 || d.Stage != "done" {
		t.Errorf("stage %s, counts %+v", d.Stage, d.Counts)
	}
	if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || n != stopped {
		t.Errorf("%d experiences wait for another dream, %d were stopped, %v", n, stopped, err)
	}
	booksMatch(t, b, d)
}
