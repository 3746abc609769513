package storetest_test

import (
	"fmt"
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestJobsByWords finds the jobs that have each word, whichever of them is the rarer.
func TestJobsByWords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var made []string
		for i := range 4 {
			j, err := accept(t.Context(), s, db.Synced, job.NewJob{
				Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
				Metadata: fmt.Appendf(nil, `{"shop":"north %d"}`, i%3),
			})
			must(t, err)
			made = append(made, j.Job.ID)
		}
		slices.Reverse(made)
		for text, want := range map[string][]string{
			"shop": made, "shop north": made, "north 0": {made[0], made[3]}, "0 north shop": {made[0], made[3]}, "1 shop": {made[2]},
			"0 1": nil, "shop none": nil, "none shop": nil, "?": nil,
		} {
			found, _, err := s.Jobs(t.Context(), "ten_1", job.Filter{Text: text}, db.Page{})
			must(t, err)
			var ids []string
			for _, j := range found {
				ids = append(ids, j.ID)
			}
			if !slices.Equal(ids, want) {
				t.Errorf("%q finds %v, want %v", text, ids, want)
			}
		}
		if found, _, err := s.Jobs(t.Context(), "ten_2", job.Filter{Text: "shop north"}, db.Page{}); err != nil || len(found) > 0 {
			t.Errorf("another tenant finds %d, %v", len(found), err)
		}
	})
}
