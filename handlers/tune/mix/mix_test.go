package mix

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/store/learn"
)

func TestPart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fresh, old, limit int
		share             int64
		wantFresh, want   int
	}{
		{50, 300, 5_000, 0, 50, 300},           // all fit
		{50, 300, 5_000, 10_000, 50, 300},      //
		{50, 9_000, 5_000, 0, 50, 4_950},       // new rows go first
		{9_000, 9_000, 5_000, 0, 3_750, 1_250}, // and leave a quarter
		{9_000, 100, 5_000, 0, 4_900, 100},
		{4_000, 3_000, 5_000, 0, 3_750, 1_250},
		{50, 300, 5_000, 5_000, 50, 50}, // no more than a half
		{50, 300, 5_000, 7_500, 50, 150},
		{9_000, 9_000, 5_000, 1_000, 4_500, 500}, // a smaller share keeps less
		{9_000, 9_000, 5_000, 5_000, 3_750, 1_250},
		{0, 300, 5_000, 5_000, 0, 0}, // of nothing
		{0, 300, 5_000, 0, 0, 300},
	} {
		if fresh, old := Part(c.fresh, c.old, c.limit, c.share); fresh != c.wantFresh || old != c.want {
			t.Errorf("%+v: %d and %d", c, fresh, old)
		}
	}
}

// a row that nothing is like.
func row(i int, score int64, replay bool) Row {
	text := fmt.Sprintf("%d %d %d %d", i, i*7, i*11, i*13)
	return Row{
		Digest: sha256.Sum256([]byte(text)), Example: fmt.Sprint("exm_", i), Score: score, Replay: replay,
		Prompt: text, Answer: text, Line: []byte(text), Asker: learn.Asker{User: fmt.Sprint("user ", i%4), Origin: "live"},
	}
}

func chosen(l Limits, rows []Row) ([]Row, map[string]int) {
	s := NewSet(l)
	for _, r := range rows {
		s.Add(r)
	}
	return s.Choose(), s.Removed
}

func counted(rows []Row, fits func(Row) bool) (n int) {
	for _, r := range rows {
		if fits(r) {
			n++
		}
	}
	return n
}

// Old rows are drawn of all that there are, users and scores alike in their measure, and all new ones stay.
func TestReplayIsDrawnInStrata(t *testing.T) {
	t.Parallel()
	var rows []Row
	for i := range 440 {
		r := row(i, int64(700+100*(i%3)), i < 400)
		if i%4 == 0 { // twice as many of one user
			r.Asker.User = "user 1"
		}
		rows = append(rows, r)
	}
	limits := Limits{Rows: 1_000, ReplayShare: 5_000, Seed: 7}
	got, removed := chosen(limits, rows)
	told := Told(got, removed, limits)
	if want := (learn.Mix{New: 40, Replayed: 40, LeftOut: 360, Share: 0.5, Seed: 7}); told != want {
		t.Fatalf("%+v", told)
	}
	replayed := slices.DeleteFunc(slices.Clone(got), func(r Row) bool { return !r.Replay })
	if n := counted(replayed, func(r Row) bool { return r.Asker.User == "user 1" }); n < 18 || n > 22 {
		t.Errorf("%d of 40 are of the user with a half", n)
	}
	for score := int64(700); score <= 900; score += 100 {
		if n := counted(replayed, func(r Row) bool { return r.Score == score }); n < 12 || n > 15 {
			t.Errorf("%d of 40 have the score %d of a third", n, score)
		}
	}
	limits.Seed = 8
	other, _ := chosen(limits, rows)
	if slices.EqualFunc(got, other, func(a, b Row) bool { return a.Example == b.Example }) {
		t.Error("another seed draws the same rows")
	}
}

// Neither the share of replay nor that of a user is exceeded by what the other leaves.
func TestSharesTogether(t *testing.T) {
	t.Parallel()
	var rows []Row
	for i := range 400 {
		r := row(i, 800, i >= 100)
		if i < 80 {
			r.Asker.User = "loud"
		}
		rows = append(rows, r)
	}
	got, removed := chosen(Limits{Rows: 1_000, ReplayShare: 6_000, UserShare: 2_500, Seed: 1}, rows)
	old := counted(got, func(r Row) bool { return r.Replay })
	loud := counted(got, func(r Row) bool { return r.Asker.User == "loud" })
	if 10*old > 6*len(got) || 4*loud > len(got) || removed[User] == 0 || removed[Replay] == 0 || len(got) < 80 {
		t.Errorf("%d rows, %d replayed, %d loud, %v", len(got), old, loud, removed)
	}
}

// A new row that says what an old one says is no news, wherever it comes.
func TestRepeatedTextIsReplay(t *testing.T) {
	t.Parallel()
	again := row(1, 900, false)
	again.Example = "exm_again"
	for _, rows := range [][]Row{{row(1, 800, true), again}, {again, row(1, 800, true)}} {
		got, removed := chosen(Limits{Rows: 10}, rows)
		if len(got) != 1 || !got[0].Replay || got[0].Example != "exm_again" || removed[Duplicate] != 1 {
			t.Errorf("%+v, %v", got, removed)
		}
	}
}

// What is chosen does not depend on the order, is within the limits, and every row is accounted for.
func TestChoiceIgnoresOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rows []Row
		for i := range rapid.IntRange(1, 80).Draw(t, "rows") {
			rows = append(rows, row(i, int64(rapid.IntRange(0, 9).Draw(t, "score")*100), rapid.Bool().Draw(t, "replay")))
		}
		limits := Limits{
			Rows: rapid.IntRange(1, 30).Draw(t, "limit"), ReplayShare: int64(rapid.IntRange(0, 10_000).Draw(t, "share")),
			Seed: rapid.Int64().Draw(t, "seed"),
		}
		first, removed := chosen(limits, rows)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1)).Shuffle(len(rows), func(i, j int) {
			rows[i], rows[j] = rows[j], rows[i]
		})
		second, again := chosen(limits, rows)
		if !slices.EqualFunc(first, second, func(a, b Row) bool { return a.Example == b.Example }) || !maps.Equal(removed, again) {
			t.Errorf("%d rows, %v, and %d, %v", len(first), removed, len(second), again)
		}
		lost := len(rows) - len(first)
		for _, n := range removed {
			lost -= n
		}
		old := counted(first, func(r Row) bool { return r.Replay })
		over := limits.ReplayShare > 0 && int64(old)*whole > int64(len(first))*limits.ReplayShare
		if lost != 0 || len(first) > limits.Rows || over {
			t.Errorf("%d rows of %d, %d replayed at %d, %d lost", len(first), limits.Rows, old, limits.ReplayShare, lost)
		}
	})
}
