package pick

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rows makes n rows "<name>0" and on, of a user and of conversations of so many rows each.
func rows(name, user string, n, perTalk int) (all []Row) {
	for i := range n {
		all = append(all, Row{ID: fmt.Sprint(name, i), User: user, Talk: fmt.Sprint(name, " talk ", i/perTalk)})
	}
	return all
}

// of counts the rows of a name.
func of(name string, batch []Row) (n int) {
	for _, r := range batch {
		if strings.HasPrefix(r.ID, name) {
			n++
		}
	}
	return n
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		weak, rest []Row
		limit      int
		want       map[string]int // by the rows' name
	}{
		"all that there is":                {rows("w", "", 2, 1), slices.Concat(rows("w", "", 2, 1), rows("r", "", 3, 1)), 100, map[string]int{"w": 2, "r": 3}},
		"the weak, and a quarter by age":   {rows("w", "", 200, 1), rows("r", "", 200, 1), 100, map[string]int{"w": 75, "r": 25}},
		"weak ones in the quarter":         {rows("w", "", 200, 1), slices.Concat(rows("w", "", 200, 1), rows("r", "", 9, 1)), 100, map[string]int{"w": 100, "r": 0}},
		"a user alone":                     {nil, rows("a", "ann", 200, 1), 100, map[string]int{"a": 100}},
		"a user before others":             {nil, slices.Concat(rows("a", "ann", 200, 1), rows("b", "bob", 20, 1), rows("n", "", 90, 1)), 100, map[string]int{"a": 25, "b": 20, "n": 55}},
		"a user before few":                {nil, slices.Concat(rows("a", "ann", 200, 1), rows("b", "bob", 20, 1)), 100, map[string]int{"a": 80, "b": 20}},
		"a user who dislikes all":          {rows("a", "ann", 200, 1), slices.Concat(rows("a", "ann", 200, 1), rows("n", "", 200, 1)), 100, map[string]int{"a": 25, "n": 75}},
		"a conversation of nobody":         {nil, slices.Concat(rows("a", "", 200, 200), rows("b", "", 90, 3)), 100, map[string]int{"a": 25, "b": 75}},
		"a conversation of the only user":  {nil, slices.Concat(rows("a", "ann", 200, 200), rows("b", "ann", 90, 3)), 100, map[string]int{"a": 25, "b": 75}},
		"a place":                          {rows("w", "", 1, 1), rows("r", "", 1, 1), 1, map[string]int{"w": 1}},
		"none":                             {nil, nil, 5, map[string]int{}},
		"what is left is the weak's again": {rows("w", "ann", 200, 1), slices.Concat(rows("r", "bob", 10, 1), rows("w", "ann", 90, 1)), 100, map[string]int{"w": 90, "r": 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Batch(test.weak, test.rest, test.limit)
			sum := 0
			for name, n := range test.want {
				sum += n
				if of(name, got) != n {
					t.Errorf("%d of %s, want %d", of(name, got), name, n)
				}
			}
			seen := map[string]bool{}
			for _, r := range got {
				if seen[r.ID] {
					t.Errorf("%s has two places", r.ID)
				}
				seen[r.ID] = true
			}
			if len(got) != sum {
				t.Errorf("%d places are taken, want %d", len(got), sum)
			}
		})
	}
}

// TestTheOldestAlwaysHasAPlace has a user who dislikes more each night than a batch has places, beside old rows of
// the same user: each night some of the old ones are taken.
func TestTheOldestAlwaysHasAPlace(t *testing.T) {
	t.Parallel()
	for limit := 4; limit < 40; limit++ {
		old := rows("old", "ann", 30, 1)
		for night := 0; len(old) > 0; night++ {
			weak := rows(fmt.Sprint("night", night, " "), "ann", 50, 1)
			others := rows(fmt.Sprint("others", night, " "), "", 50, 1)
			batch := Batch(weak, slices.Concat(old, weak, others), limit)
			first := old[0]
			old = slices.DeleteFunc(old, func(r Row) bool { return slices.Contains(batch, r) })
			if len(batch) != limit || slices.Contains(old, first) {
				t.Fatalf("of %d places, night %d left the oldest: %v", limit, night, batch)
			}
		}
	}
}
