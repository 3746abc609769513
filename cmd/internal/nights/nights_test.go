package nights

import (
	"math"
	"strings"
	"testing"

	"dreamlab/store/money"
)

// TestNightsPay runs ten nights, and holds that the assistant answers questions that nothing was learned
// from better than after the second night, and that a kept row costs less in the end than at first.
func TestNightsPay(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	all, err := Run(t.Context(), Options{Imported: 150, Chats: 10, Unseen: 80, Seed: 1, Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var table strings.Builder
	if err := Write(&table, all); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if len(all) != 10 {
		t.Fatalf("%d nights", len(all))
	}
	later, last := 0.0, money.USD(0)
	for _, n := range all[2:] {
		later += n.F1 / 8
	}
	for _, n := range all[7:] {
		last += n.PerKept / 3
	}
	if later <= all[1].F1 {
		t.Errorf("the later nights have an F1 of %.3f, the second has %.3f", later, all[1].F1)
	}
	if first := (all[0].PerKept + all[1].PerKept) / 2; last >= first {
		t.Errorf("a kept row costs $%s in the last nights, and $%s in the first", last, first)
	}
}

// TestF1 counts the words that two texts share.
func TestF1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer, reference string
		want              float64
	}{
		{"The lamp is blue.", "the LAMP is blue", 1},
		{"The lamp is blue", "It is red", 2. / 7},
		{"blue blue blue", "blue", 0.5},
		{"", "blue", 0}, {"", "", 0},
	} {
		if got := f1(c.answer, c.reference); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%q, %q: %v, want %v", c.answer, c.reference, got, c.want)
		}
	}
}

// TestTownFollowsItsSeed draws the same traffic for the same seed, and other traffic for another.
func TestTownFollowsItsSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (all []turn) {
		town := newTown(seed)
		for range 50 {
			all = append(all, town.draw())
		}
		return all
	}
	first, again, other := draw(1), draw(1), draw(2)
	same := 0
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("turn %d: %v and %v", i, first[i], again[i])
		}
		if first[i] == other[i] {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d of 50 turns are those of another seed", same)
	}
}
