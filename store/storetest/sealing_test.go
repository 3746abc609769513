package storetest_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// askedBy is an undreamt experience of a user in a conversation, held out or not.
func askedBy(user, talk string, heldOut bool) learn.Experience {
	for text := 0; ; text++ {
		e := said(talk, text)
		e.Metadata = fmt.Appendf(nil, `{"user":"%s"}`, user)
		if learn.HeldOut(storetest.Secret, e) == heldOut {
			e.Seal()
			return e
		}
	}
}

// addKinds adds so many experiences under each name, which their conversations' ids begin with, one in each second from
// an hour on.
func addKinds(t *testing.T, s *store.Store, hour int64, kinds ...kind) {
	t.Helper()
	at := time.Unix(hour*3600, 0)
	for _, k := range kinds {
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			for i := range k.rows {
				e := askedBy(k.user, fmt.Sprint(k.name, " ", i), k.heldOut)
				e.ID, e.Rating, e.Correction, e.Reference = db.IDAt("exp_", at), k.rating, k.correction, k.reference
				at = at.Add(time.Second)
				if err := q.AddExperience(t.Context(), e); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// kind is what some experiences have in common.
type kind struct {
	name                  string
	rows                  int
	user                  string
	heldOut               bool
	rating                *int64
	correction, reference string
}

// sealedKinds seals a batch and counts what it holds, by name.
func sealedKinds(t *testing.T, s *store.Store, dream string, limit int) (learn.Sealed, map[string]int) {
	t.Helper()
	n, err := s.SealBatch(t.Context(), "ten_1", dream, limit)
	must(t, err)
	rows, _, err := s.Experiences(t.Context(), "ten_1", learn.ExperienceFilter{Dream: dream}, db.Page{Limit: 1000})
	must(t, err)
	names := map[string]int{}
	for _, e := range rows {
		name, _, _ := strings.Cut(e.External, " ")
		names[name]++
	}
	return n, names
}

// TestABatchTakesTheWeak seals batches out of many old experiences of which nothing is known, and of those that are known
// to be wrong or to be checkable: these first, but a quarter of the places is the oldest's.
func TestABatchTakesTheWeak(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		addKinds(t, s, 0,
			kind{name: "plain", rows: 40}, kind{name: "checkable", rows: 12, reference: "7"},
			kind{name: "disliked", rows: 3, rating: &down}, kind{name: "corrected", rows: 3, correction: "No."},
			kind{name: "exam", rows: 3, heldOut: true, rating: &down, reference: "7"},
			kind{name: "liked", rows: 3, rating: new(int64(1))})
		for i, want := range []struct {
			weak  int
			names map[string]int
		}{
			{12, map[string]int{"disliked": 3, "corrected": 3, "checkable": 6, "plain": 4}},
			{6, map[string]int{"checkable": 6, "plain": 10}},
			{0, map[string]int{"plain": 16}},
		} {
			n, names := sealedKinds(t, s, fmt.Sprint("drm_", i), 16)
			if n != (learn.Sealed{Experiences: 16, Weak: want.weak}) || !maps.Equal(names, want.names) {
				t.Errorf("batch %d: %+v, %v; want %d weak, %v", i, n, names, want.weak, want.names)
			}
		}
		n, names := sealedKinds(t, s, "drm_last", 16)
		if n != (learn.Sealed{Experiences: 16}) || names["plain"] != 10 || names["exam"] != 3 || names["liked"] != 3 {
			t.Errorf("the last batch: %+v, %v", n, names)
		}
	})
}

// TestWhatFeedbackReopensIsWeak has a user object to an answer that was dreamt of, and another like one of which nothing
// was kept: both stand before what is older.
func TestWhatFeedbackReopensIsWeak(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		addKinds(t, s, 0, kind{name: "first", rows: 2})
		if n, names := sealedKinds(t, s, "drm_1", 2); n.Weak != 0 || names["first"] != 2 {
			t.Fatalf("the first batch: %+v, %v", n, names)
		}
		rows, _, err := s.Experiences(t.Context(), "ten_1", learn.ExperienceFilter{}, db.Page{})
		must(t, err)
		addKinds(t, s, 1, kind{name: "later", rows: 9})
		must(t, s.SetFeedback(t.Context(), "ten_1", rows[0].ID, nil, "That is wrong.", ""))
		must(t, s.SetFeedback(t.Context(), "ten_1", rows[1].ID, new(int64(1)), "", ""))
		for _, e := range rows {
			got, err := s.Experience(t.Context(), "ten_1", e.ID)
			must(t, err)
			recent(t, got.Reopened)
		}
		if n, names := sealedKinds(t, s, "drm_2", 3); n.Weak != 2 || names["first"] != 2 || names["later"] != 1 {
			t.Errorf("the second batch: %+v, %v", n, names)
		}
	})
}

// TestNobodyEatsTheBatch has one user bring far more than a batch holds before others come, in one conversation or in
// many, liked or disliked: the others have their places, and the user has all that they leave.
func TestNobodyEatsTheBatch(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		kinds := []kind{{name: "robot", rows: 200, user: "robot"}, {name: "angry", rows: 200, user: "angry", rating: &down}}
		for i := range 30 {
			kinds = append(kinds, kind{name: fmt.Sprint("others ", i), rows: 2, user: fmt.Sprint("user ", i)})
		}
		addKinds(t, s, 0, kinds...)
		_, names := sealedKinds(t, s, "drm_1", 40)
		if names["robot"] > 10 || names["angry"] > 10 || names["others"] < 20 {
			t.Errorf("the batch holds %v", names)
		}
		var one []learn.Experience
		for i := range 200 {
			one = append(one, said("long", 1000+i))
		}
		addAll(t, s, one...)
		for batch := 2; batch < 20; batch++ {
			n, names := sealedKinds(t, s, fmt.Sprint("drm_", batch), 40)
			if n.Experiences != 40 && batch < 16 {
				t.Errorf("batch %d holds %d: %v", batch, n.Experiences, names)
			}
		}
		left, err := s.FreshCount(t.Context(), "ten_1", 1000)
		if err != nil || left != 0 {
			t.Errorf("%d are left, %v", left, err)
		}
	})
}

// BenchmarkSeal seals a batch of a thousand out of a backlog of undreamt experiences, and tells how many times as long
// it takes out of a long one: of a thousand users, of one alone, and of one who brought all of the oldest nine in ten.
// DREAMLAB_ROWS says how long.
func BenchmarkSeal(b *testing.B) {
	long := 100_000
	if text := os.Getenv("DREAMLAB_ROWS"); text != "" {
		var err error
		long, err = strconv.Atoi(text)
		fault(b, err)
	}
	eachBench(b, func(b *testing.B, s *store.Store) {
		for name, user := range map[string]func(n, of int) int{
			"many": func(n, _ int) int { return n / 5 % 1000 },
			"one":  func(int, int) int { return 0 },
			"eaten": func(n, of int) int {
				if n < of/10*9 {
					return 0
				}
				return n / 5 % 1000
			},
		} {
			short := 0.0
			for _, rows := range []int{10_000, long} {
				tenant := fmt.Sprint(name, rows)
				b.Run(fmt.Sprint(name, "/rows=", rows), func(b *testing.B) {
					backlog(b, s, tenant, rows, user)
					b.ResetTimer()
					sealEach(b, s, tenant)
					took := b.Elapsed().Seconds() / float64(b.N)
					if short == 0 {
						short = took
					}
					b.ReportMetric(took/short, "times_10000_rows")
				})
			}
		}
	})
}

// backlog adds undreamt experiences, unless they are there: of a hundred one disliked, one corrected, one with a
// reference.
func backlog(b *testing.B, s *store.Store, tenant string, rows int, user func(n, of int) int) {
	b.Helper()
	if n, err := s.FreshCount(b.Context(), tenant, 1); err != nil || n > 0 {
		fault(b, err)
		return
	}
	for from := 0; from < rows; from += 1000 {
		var batch []learn.Experience
		for n := from; n < from+1000; n++ {
			e := said(fmt.Sprint("talk ", n/5), n)
			e.Tenant, e.Metadata = tenant, fmt.Appendf(nil, `{"user":"user %d"}`, user(n, rows))
			switch n % 100 {
			case 1:
				e.Rating = new(int64(-1))
			case 2:
				e.Correction = "No."
			case 3:
				e.Reference = "7"
			}
			e.Seal()
			batch = append(batch, e)
		}
		addAll(b, s, batch...)
	}
	analyze := map[db.Dialect]string{db.Postgres: "VACUUM ANALYZE", db.SQLite: "ANALYZE"}
	_, err := s.Driver().Exec(b.Context(), analyze[s.Dialect()])
	fault(b, err)
}

var errBack = errors.New("take it back")

// sealEach seals a batch in a transaction that is rolled back, again and again.
func sealEach(b *testing.B, s *store.Store, tenant string) {
	for b.Loop() {
		err := s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) error {
			_, err := q.SealBatch(b.Context(), tenant, "drm_1", 1000)
			return cmp.Or(err, errBack)
		})
		if !errors.Is(err, errBack) {
			b.Fatal(err)
		}
	}
}
