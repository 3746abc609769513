package tune

import (
	"dreamlab/handlers/tune/mix"
	"dreamlab/tasks"
	"fmt"
	"testing"
	"time"
)

func TestNearDuplicates(t *testing.T) {
	t.Parallel()
	const (
		ask    = "Good morning, I would like to know when the parcel that I ordered on Monday is going to arrive here"
		answer = "It arrives on Thursday before noon, and you will get a message an hour before the driver rings."
	)
	for name, c := range map[string]struct {
		prompt, reply string
		gone          bool
	}{
		"a word more":       {ask + ", please", answer, true},
		"a word more twice": {ask + ", please", answer + " Bye!", true},
		"another answer":    {ask + ", please", "Nobody can say that before it has left the warehouse in the city.", false},
		"another question":  {"Can I have my order sent to a neighbour when I am away for the whole week?", answer, false},
		"half the question": {ask[:50], answer, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, newHeldOut())
			s.add(example("1", ask, answer, 500))
			s.add(example("2", c.prompt, c.reply, 400))
			out := s.done("assistant")
			if out.manifest.Removed[mix.Near] != one(c.gone) || out.manifest.Rows != 2-one(c.gone) {
				t.Errorf("manifest %+v", out.manifest)
			}
			if c.gone && out.rows[0].Example != "1" {
				t.Error("the better row went")
			}
		})
	}
}

// A full dataset is compared in seconds, not in the square of its rows.
func TestNearDuplicatesOfManyRows(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 5_000}}, newHeldOut())
	for i := range 5_000 {
		s.add(example(fmt.Sprint(i), fmt.Sprintf("Question %d on %d and %d, asked %d times?", i, i*7, i*11, i*13),
			fmt.Sprintf("The answer to %d is %d because of %d.", i, i*3, i*5), 1))
	}
	start := time.Now()
	out := s.done("assistant")
	if len(out.rows) != 5_000 || time.Since(start) > 30*time.Second {
		t.Errorf("%d rows in %v", len(out.rows), time.Since(start))
	}
}
