package alike

import (
	"math"
	"testing"
)

func entry(t *testing.T, text string, vector ...float32) Entry {
	t.Helper()
	e, err := NewEntry(text, vector)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSimilarity is the cosine of the vectors, whatever their lengths.
func TestSimilarity(t *testing.T) {
	t.Parallel()
	a := entry(t, "how do I reset it", 0.1, 0.2, -0.3)
	for want, b := range map[float64]Entry{
		1: entry(t, "resetting it how", 10, 20, -30), 0: entry(t, "is it there", 0.2, -0.1, 0), -1: entry(t, "x", -1, -2, 3),
	} {
		if got := a.Similarity(b); math.Abs(got-want) > 0.01 {
			t.Errorf("it is %v, want %v", got, want)
		}
	}
	if a.Similarity(entry(t, "how do I reset it", 1, 2)) != 0 || a.Similarity(nil) != 0 || a.Similarity(Entry("x")) != 0 {
		t.Error("a vector of another model is alike")
	}
	for _, bad := range [][]float32{nil, {0, 0}, {float32(math.NaN())}, {float32(math.Inf(1))}, make([]float32, MaxSize+1)} {
		if _, err := NewEntry("x", bad); err == nil {
			t.Errorf("%d numbers were taken", len(bad))
		}
	}
}

// TestMarks keeps questions apart that differ in a number, a negation or a name, and no others.
func TestMarks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"What is the capital of France?", "Which city is the capital of France?", true},
		{"What is the capital of France?", "What is the capital of Spain?", false},
		{"How do I reset my password?", "how can i reset the password", true},
		{"Is it safe to mix them?", "Is it not safe to mix them?", false},
		{"Isn't it safe?", "Is it safe?", false},
		{"Convert 15 miles to kilometres", "Convert 50 miles to kilometres", false},
		{"Convert 1.5 miles", "Convert 15 miles", false},
		{"Paris is where?", "Berlin is where?", false},
		{"How do I enable dark mode?", "How do I disable dark mode?", false},
		{"What does foo_bar do?", "What does foo_baz do?", false},
		{"What is 10%?", "What is 10?", false},
		{"Can dogs eat grapes?", "Are grapes something that dogs can eat?", true},
		{"Who came before Obama?", "Who came after Obama?", false},
		{"Don’t I need it?", "I need it?", false},
		{"flights from Rome to Oslo", "flights from Rome to Bergen", false},
		{"Explain recursion.", "Please explain recursion!", true},
	} {
		a, b := entry(t, c.a, 1, 2), entry(t, c.b, 1, 2)
		if got := a.Similarity(b) > 0.99; got != c.same {
			t.Errorf("%q and %q: alike %v: %v and %v", c.a, c.b, got, marks(c.a), marks(c.b))
		}
	}
}

// TestCalibrate gives the lowest threshold of at least the precision that is asked.
func TestCalibrate(t *testing.T) {
	t.Parallel()
	var pairs []Scored
	for i := range 100 { // those above 0.5 mean the same, but for one of them
		pairs = append(pairs, Scored{float64(i) / 100, i >= 50 && i != 60})
	}
	all, met := Calibrate(pairs, 0.97, false)
	if !met || all.Threshold != 0.5 || all.Taken != 50 || all.Right != 49 || all.Low > 0.97 || all.High < all.Precision {
		t.Errorf("it is %+v, %v", all, met)
	}
	if strict, met := Calibrate(pairs, 1, false); !met || strict.Threshold != 0.61 || strict.Recall < 0.79 {
		t.Errorf("it is %+v, %v", strict, met)
	}
	if best, met := Calibrate(pairs, 0.99, true); met || best.Taken == 0 {
		t.Errorf("39 pairs show a precision of 99 %%: %+v", best)
	}
	if _, met := Calibrate(nil, 0.9, false); met {
		t.Error("no pairs show a precision")
	}
	if equal, met := Calibrate([]Scored{{0.9, true}, {0.9, false}}, 0.9, false); met {
		t.Errorf("pairs of one similarity were taken apart: %+v", equal)
	}
}
