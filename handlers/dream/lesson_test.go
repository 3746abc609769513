package dream

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	old := []store.Lesson{
		{Text: "Ask for the order number first.", Reflections: []string{"rfl_1"}, Sources: []string{"exp_1"}, Weight: 1000},
		{Text: "Never promise a date.", Reflections: []string{"rfl_2"}, Sources: []string{"exp_2"}, Weight: 220},
	}
	fresh := []store.Reflection{
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
		fresh := make([]store.Reflection, rapid.IntRange(0, 12).Draw(t, "n"))
		known := map[string]bool{}
		for i := range fresh {
			fresh[i] = store.Reflection{
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
			if !known[l.Text] || l.Weight > weightMost || l.Weight < weightLow || len(l.Sources) == 0 {
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

func TestParseLessonsIsStrict(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		`{"lessons":[]}`: true, `{"lessons":[{"lesson":"x","sources":["exp_1"]}]}`: true,
		`{}`: false, `[]`: false, `{"lessons":null}`: false, `{"lessons":[]} and more`: false,
		`{"lessons":[{"lesson":1}]}`: false, `{"lessons":[],"extra":1}`: false, "": false,
	}
	for text, want := range tests {
		if _, ok := parseLessons(&providers.Reply{Content: text}); ok != want {
			t.Errorf("%s: %v", text, ok)
		}
	}
	if _, ok := parseLessons(&providers.Reply{Content: `{"lessons":[]}`, Finish: "length"}); ok {
		t.Error("a cut answer was read")
	}
}

// said is an experience with an answer.
func said(change func(*store.Experience)) store.Experience {
	e := store.Experience{
		Origin: store.OriginLive, Prompt: []byte(`[{"role":"user","content":"How many?"}]`),
		Answer: []byte(`{"role":"assistant","content":"It is 12."}`), Finish: "stop",
	}
	change(&e)
	return e
}

func TestScreen(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	answer := func(text string) func(*store.Experience) {
		return func(e *store.Experience) { e.Answer = encode(providers.TextMessage("assistant", text)) }
	}
	tests := []struct {
		want   string
		change func(*store.Experience)
	}{
		{"", func(*store.Experience) {}},
		{rejectMemory, func(e *store.Experience) { e.Origin = store.OriginMemory }},
		{rejectCache, func(e *store.Experience) { e.Origin = store.OriginCache }},
		{rejectDream, func(e *store.Experience) { e.Origin = store.OriginDream }},
		{rejectCut, func(e *store.Experience) { e.Finish = "length" }},
		{rejectNegative, func(e *store.Experience) { e.Rating = &down }},
		{"", func(e *store.Experience) { e.Rating, e.Correction = &down, "It is 13." }},
		{"", func(e *store.Experience) { e.Finish, e.Correction = "length", "It is 13." }},
		{rejectUnreadable, func(e *store.Experience) { e.Prompt = []byte(`{}`) }},
		{rejectUnreadable, func(e *store.Experience) { e.Prompt = []byte(`[]`) }},
		{rejectToolCall, func(e *store.Experience) { e.Answer = []byte(`{"role":"assistant","tool_calls":[{"id":"c"}]}`) }},
		{rejectEmpty, answer(" \n")},
		{rejectRefusal, answer("As an AI language model, I can't help with that.")},
		{rejectErrorText, answer("502 Bad Gateway")},
		{rejectSecret, answer("Here: gsk_abcdefghijklmnopqrstuvwxyz")},
		{rejectTooLong, answer(string(make([]byte, mostPrompt)))},
	}
	for i, test := range tests {
		if got := newPaper(said(test.change)).screen(); got != test.want {
			t.Errorf("case %d: got %q, want %q", i, got, test.want)
		}
	}
}

func TestRowIsChosen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reference, correction, answer, author string
	}{
		{"", "", "It is 12.", authorRecorded},
		{"#### 12", "", "It is 12.", authorRecorded},
		{"#### 13", "", "#### 13", authorReference},
		{"There are twelve of them, as always.", "", "There are twelve of them, as always.", authorReference},
		{"#### 13", "It is 13.", "It is 13.", authorUser},
	}
	for _, test := range tests {
		p := newPaper(said(func(e *store.Experience) { e.Reference, e.Correction = test.reference, test.correction }))
		if p.answer != test.answer || p.author != test.author {
			t.Errorf("%+v: got %q by %s", test, p.answer, p.author)
		}
	}
}

func TestJudgedNeedsBothOrders(t *testing.T) {
	t.Parallel()
	p := newPaper(said(func(*store.Experience) {}))
	tests := []struct {
		outcome          judge.Outcome
		reject, rejected string
	}{
		{judge.Outcome{Choice: judge.First, Agreed: true, First: 900}, "", "worse"},
		{judge.Outcome{Choice: judge.Equal, Agreed: true}, "", ""},
		{judge.Outcome{Choice: judge.Equal}, rejectDisagreement, ""},
		{judge.Outcome{Choice: judge.Second, Agreed: true}, rejectWorse, ""},
	}
	for _, test := range tests {
		v := p.judged(test.outcome, "worse")
		if v.reject != test.reject || v.rejected != test.rejected || v.reject == "" && v.score != test.outcome.First {
			t.Errorf("%+v: got %+v", test.outcome, v)
		}
	}
}
