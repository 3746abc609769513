package dream_test

import (
	"slices"
	"strings"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// TestLateCorrectionBecomesTheRow corrects an answer that a dream has kept: its row is
// withdrawn at once, and the next dream makes the correction the row.
func TestLateCorrectionBecomesTheRow(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(3))
	first, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	rows := rowsOf(t, b, first.ID)
	if len(rows) == 0 {
		t.Fatalf("nothing was kept: %+v", first.Counts)
	}
	err := b.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetFeedback(t.Context(), b.Tenant, rows[0].Experience, nil, "", "Banana.") // no judge would prefer it
	})
	if err != nil {
		t.Fatal(err)
	}
	if left := rowsOf(t, b, first.ID); len(left) != len(rows)-1 {
		t.Errorf("%d of %d rows stand", len(left), len(rows))
	}
	second, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	again := rowsOf(t, b, second.ID)
	if second.Counts.Experiences != 1 || len(again) != 1 {
		t.Fatalf("counts %+v, rows %+v", second.Counts, again)
	}
	row := again[0]
	taught := strings.Contains(string(row.Messages), "Banana.")
	if row.Author != "user" || row.Verdict != "correction" || !taught || !strings.Contains(row.Rejected, "kettle") {
		t.Errorf("row %+v, %s", row, row.Messages)
	}
}

// rowsOf returns the rows that a dream kept of what was said, without the variants that it made up.
func rowsOf(t *testing.T, b *handlertest.Bench, dream string) []learn.Example {
	t.Helper()
	rows, _, err := b.Store.Examples(t.Context(), b.Tenant, db.Filter{Dream: dream}, db.Page{Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(x learn.Example) bool { return x.Origin == learn.ExampleImagined })
}
