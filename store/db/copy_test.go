package db_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

var effectColumns = []string{"job", "step", "epoch", "request_hash", "response", "created"}

// effects yields n rows, and an error behind them where there is one.
func effects(n int, behind error) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if !yield([]any{"job_1", fmt.Sprintf("%06d", i), int64(1), "hash", `{"n":1}`, int64(i)}, nil) {
				return
			}
		}
		if behind != nil {
			yield(nil, behind)
		}
	}
}

func countEffects(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	must(t, s.Effects(t.Context(), "job_1", func(book.Effect) error {
		n++
		return nil
	}))
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopy copies around the borders of the statements that SQLite is given.
func TestCopy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, n := range []int{0, 1, 15, 16, 17, 10_000} {
			must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
				got, err := q.CopyNew(t.Context(), "effects", effectColumns, effects(n, nil))
				if got != int64(n) {
					t.Errorf("copied %d of %d", got, n)
				}
				return err
			}))
			if got := countEffects(t, s); got != n {
				t.Errorf("kept %d of %d", got, n)
			}
			must(t, s.ClearEffects(t.Context(), "job_1"))
		}
	})
}

// TestCopyFailsWhole meets every fault half-way: nothing may be left.
func TestCopyFailsWhole(t *testing.T) {
	t.Parallel()
	broken := errors.New("the file ends here")
	faults := map[string]struct {
		rows iter.Seq2[[]any, error]
		want error
	}{
		"reader": {effects(1000, broken), broken},
		"text":   {with(effects(600, nil), "a\x00"), db.ErrText},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, fault := range faults {
			err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
				_, err := q.CopyNew(t.Context(), "effects", effectColumns, fault.rows)
				return err
			})
			if !errors.Is(err, fault.want) || !strings.Contains(err.Error(), "copy into ") {
				t.Errorf("%s: %v", name, err)
			}
			if got := countEffects(t, s); got != 0 {
				t.Errorf("%s: %d rows are left", name, got)
			}
		}
	})
}

func twice(rows iter.Seq2[[]any, error]) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for range 2 {
			for row, err := range rows {
				if !yield(row, err) {
					return
				}
			}
		}
	}
}

// with puts a text in place of the last row's hash.
func with(rows iter.Seq2[[]any, error], text string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
		}
		yield([]any{"job_2", "0", int64(1), text, "{}", int64(1)}, nil)
	}
}

// TestCopyNew copies the same rows again, with some new ones among them.
func TestCopyNew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			for _, step := range []struct{ rows, added int }{{300, 300}, {300, 0}, {1000, 700}} {
				added, err := q.CopyNew(t.Context(), "effects", effectColumns, twice(effects(step.rows, nil)))
				must(t, err)
				if added != int64(step.added) {
					t.Errorf("%d of %d rows were new, want %d", added, step.rows, step.added)
				}
			}
			return nil
		}))
		if got := countEffects(t, s); got != 1000 {
			t.Errorf("kept %d", got)
		}
	})
}
