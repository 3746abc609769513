package dream

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/store/learn"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	old := []learn.Lesson{
		{Text: "Ask for the order number first.", Reflections: []string{"rfl_1"}, Sources: []string{"exp_1"}, Weight: 1000},
		{Text: "Never promise a date.", Reflections: []string{"rfl_2"}, Sources: []string{"exp_2"}, Weight: 220},
	}
	fresh := []learn.Reflection{
		{ID: "rfl_3", Lesson: "Ask for the order number, first!", Sources: []string{"exp_3", "exp_1"}},
		{ID: "rfl_4", Lesson: "Offer the repair before the refund.", Sources: []string{"exp_4"}},
	}
	got := merge(old, fresh, 10)
	if len(got) != 2 || old[0].Weight != 1000 {
		t.Fatalf("got %+v of %+v", got, old)
	}
	first := got[0]
	if first.Text != fresh[0].Lesson || first.Weight != 2000 || !slices.Equal(first.Sources, []string{"exp_1", "exp_3"}) ||
		!slices.Equal(first.Reflections, []string{"rfl_1", "rfl_3"}) {
		t.Errorf("merged %+v", first)
	}
	if got[1].Text != fresh[1].Lesson { // the other has decayed to 198 and is forgotten
		t.Errorf("got %+v", got)
	}
	if got := merge(old, fresh, 1); len(got) != 1 || got[0].Weight != 2000 {
		t.Errorf("bounded: %+v", got)
	}
}

func TestMergeInvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"ask", "first", "never", "date", "repair", "refund"}), 1, 5)
		fresh := make([]learn.Reflection, rapid.IntRange(0, 12).Draw(t, "n"))
		known := map[string]bool{}
		for i := range fresh {
			fresh[i] = learn.Reflection{
				ID: fmt.Sprintf("rfl_%d", i), Lesson: fmt.Sprint(words.Draw(t, "words")), Sources: []string{fmt.Sprintf("exp_%d", i)},
			}
			known[fresh[i].Lesson] = true
		}
		most := rapid.IntRange(1, 6).Draw(t, "most")
		got := merge(merge(nil, fresh, 50), fresh, most)
		if len(got) > most {
			t.Fatalf("%d lessons of %d", len(got), most)
		}
		for i, l := range got {
			if !known[l.Text] || l.Weight > maxWeight || l.Weight < minWeight || len(l.Sources) == 0 {
				t.Fatalf("lesson %+v", l)
			}
			for _, other := range got[:i] {
				if other.Text == l.Text {
					t.Fatalf("%q is there twice", l.Text)
				}
			}
		}
	})
}

func TestCitedKeepsWhatWasShown(t *testing.T) {
	t.Parallel()
	known, mean := cited([]string{"exp_1", "exp_9", "exp_1", "exp_2"}, map[string]int64{"exp_1": 800, "exp_2": 400})
	if !slices.Equal(known, []string{"exp_1", "exp_2"}) || mean != 600 {
		t.Errorf("got %v, %d", known, mean)
	}
}
