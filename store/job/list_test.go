package job_test

import (
	"slices"
	"testing"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// TestListByColumn pages through the ended and the open jobs of an alias or a key, which are read by
// different indexes, in both orders.
func TestListByColumn(t *testing.T) {
	onEach(t, func(b bench) {
		mine := job.NewJob{Alias: "assistant", KeyID: "key_1"}
		var want []string
		for i := range 5 {
			j := b.run(mine)
			if i%2 == 0 {
				b.finish(j, job.Finish{To: job.StateSucceeded})
			}
			want = append(want, j.ID)
		}
		b.finish(b.run(job.NewJob{Alias: "assistants", KeyID: "key_12"}), job.Finish{To: job.StateSucceeded})
		for name, f := range map[string]job.Filter{"alias": {Alias: "assistant"}, "key": {Key: "key_1"},
			"both": {Alias: "assistant", Key: "key_1"}} {
			for _, ascending := range []bool{true, false} {
				if got := b.walk(f, ascending); !slices.Equal(got, want) {
					b.t.Errorf("by %s, ascending %v: %v, want %v", name, ascending, got, want)
				}
			}
		}
	})
}

// TestListByNoun pages through the ended and the open jobs of a noun other than chat, of two kinds, which
// are read by different indexes.
func TestListByNoun(t *testing.T) {
	onEach(t, func(b bench) {
		var want []string
		for i := range 6 {
			j := b.run(job.NewJob{Kind: []string{"dream.run", "dream.solve"}[i%2], Lane: "chat"})
			if i%3 == 0 {
				b.finish(j, job.Finish{To: job.StateSucceeded})
			}
			want = append(want, j.ID)
		}
		b.finish(b.run(job.NewJob{}), job.Finish{To: job.StateSucceeded})
		b.finish(b.run(job.NewJob{Kind: "dreams.run", Lane: "chat"}), job.Finish{To: job.StateSucceeded})
		for _, ascending := range []bool{true, false} {
			if got := b.walk(job.Filter{Noun: "dream"}, ascending); !slices.Equal(got, want) {
				b.t.Errorf("ascending %v: %v, want %v", ascending, got, want)
			}
		}
		if got := b.walk(job.Filter{Noun: "dream", Status: "succeeded"}, true); !slices.Equal(got, []string{want[0], want[3]}) {
			b.t.Errorf("succeeded: %v, want %v and %v", got, want[0], want[3])
		}
	})
}

// walk returns the ids of all pages of two jobs, in the order of their making.
func (b bench) walk(f job.Filter, ascending bool) []string {
	b.t.Helper()
	var ids []string
	page := db.Page{Limit: 2, Ascending: ascending}
	for more := true; more; page.After = ids[len(ids)-1] {
		var got []job.Job
		var err error
		got, more, err = b.Jobs(ctx, "ten_a", f, page)
		b.must(err)
		for _, j := range got {
			ids = append(ids, j.ID)
		}
		if len(ids) == 0 {
			return nil
		}
	}
	if !ascending {
		slices.Reverse(ids)
	}
	return ids
}
