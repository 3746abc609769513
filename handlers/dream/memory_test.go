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
	fits := map[string]learn.LessonUse{"rfl_1": {Recent: 1}}
	got := merger{limit: 10, uses: fits}.merge(old, fresh)
	if len(got) != 2 || old[0].Weight != 1000 {
		t.Fatalf("got %+v of %+v", got, old)
	}
	first := got[0]
	if first.Text != fresh[0].Lesson || first.Weight != 2000 || !slices.Equal(first.Sources, []string{"exp_1", "exp_3"}) ||
		!slices.Equal(first.Reflections, []string{"rfl_1", "rfl_3"}) {
		t.Errorf("merged %+v", first)
	}
	if got[1].Text != fresh[1].Lesson { // the other fitted no chat, has decayed to 198 and is forgotten
		t.Errorf("got %+v", got)
	}
	if got := (merger{limit: 1, uses: fits}).merge(old, fresh); len(got) != 1 || got[0].Weight != 2000 {
		t.Errorf("bounded: %+v", got)
	}
	if got := (merger{limit: 10}).merge(old, fresh); len(got) != 3 {
		t.Errorf("no chat asked for the memory, and yet it decayed: %+v", got)
	}
}

// TestMergeByMeaning joins what the lead model calls the same in other words, and drops what a
// new lesson contradicts, and what users like chats better without.
func TestMergeByMeaning(t *testing.T) {
	t.Parallel()
	old := []learn.Lesson{
		{Text: "Ask for the number of the order.", Reflections: []string{"rfl_1"}, Sources: []string{"exp_1"}, Weight: 1000},
		{Text: "Promise delivery within a day.", Reflections: []string{"rfl_2"}, Sources: []string{"exp_2"}, Weight: 4000},
		{Text: "Make a joke.", Reflections: []string{"rfl_3"}, Sources: []string{"exp_3"}, Weight: 4000},
	}
	fresh := []learn.Reflection{
		{ID: "rfl_4", Lesson: "Have users name their order.", Sources: []string{"exp_4"}, Helped: 2},
		{ID: "rfl_5", Lesson: "Never promise a day of delivery.", Sources: []string{"exp_5"}, Helped: 1},
	}
	m := merger{
		limit: 10,
		relations: map[pair]string{
			{"rfl_4", "rfl_1"}: same, {"rfl_5", "rfl_2"}: contradicts, {"rfl_5", "rfl_1"}: different,
		},
		uses: map[string]learn.LessonUse{"rfl_3": {ShownRated: 40, ShownSum: 4, LeftRated: 25, LeftSum: 10}},
	}
	got := m.merge(old, fresh)
	if len(got) != 2 || got[0].ID() != "rfl_1" || got[0].Text != fresh[0].Lesson || got[0].Weight != 2000 || got[0].Helped != 2 {
		t.Fatalf("got %+v", got)
	}
	if got[1].ID() != "rfl_5" {
		t.Errorf("the contradicted lesson stands: %+v", got)
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
		got := merger{limit: most}.merge(merger{limit: 50}.merge(nil, fresh), fresh)
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
