package dream_test

import (
	"bytes"
	"fmt"
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// TestSlicesKeepARowOnce has slices of one experience each, and conversations that differ in a phone number alone, which
// is masked: whatever runs at once, one row is kept, as where one slice has them all.
func TestSlicesKeepARowOnce(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 16} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			e := b.Start(t, func(d *all.Deps) { d.Dream.SliceSize = size })
			var lines bytes.Buffer
			for i := range 6 {
				lines.Write(line(i, false, fmt.Sprintf("My blue kettle leaks at the lid, what should I do? Call me at +1 202 555 01%02d.", i),
					"Your blue kettle should not leak at the lid: what you should do is send it in.", nil))
			}
			b.Import(t, e, lines.Bytes())
			d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
			rows, _, err := b.Store.Examples(t.Context(), b.Tenant, db.Filter{Dream: d.ID}, db.Page{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			contents := map[string]bool{}
			for _, r := range rows {
				contents[r.Content] = true
			}
			n := d.Counts
			if len(rows) != len(contents) || n.Kept+n.Imagined != len(rows) || n.Verified != n.Kept || n.Kept+n.Rejected["duplicate"] != 6 || n.Kept == 0 {
				t.Errorf("%d rows of %d contents are kept, counts %+v", len(rows), len(contents), n)
			}
		})
	}
}
