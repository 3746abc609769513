package study

import (
	"encoding/json"
	"testing"

	"dreamlab/store/learn"
)

func TestALiveAnswerThatComesOutAgainTeachesNothing(t *testing.T) {
	t.Parallel()
	liked, indifferent := int64(1), int64(0)
	for name, test := range map[string]struct {
		change func(*learn.Experience)
		replay string
		want   bool
	}{
		"word for word":      {func(*learn.Experience) {}, " Ask at the bar. ", true},
		"other words":        {func(*learn.Experience) {}, "At the bar.", false},
		"someone else's":     {func(e *learn.Experience) { e.Origin = learn.OriginImport }, "Ask at the bar.", false},
		"liked":              {func(e *learn.Experience) { e.Rating = &liked }, "Ask at the bar.", false},
		"neither nor":        {func(e *learn.Experience) { e.Rating = &indifferent }, "Ask at the bar.", true},
		"corrected by users": {func(e *learn.Experience) { e.Correction = "Ask at the bar." }, "Ask at the bar.", false},
	} {
		e := learn.Experience{
			Origin: learn.OriginLive,
			Prompt: json.RawMessage(`[{"role":"user","content":"Where?"}]`),
			Answer: json.RawMessage(`{"role":"assistant","content":"Ask at the bar."}`),
		}
		test.change(&e)
		if got := New(e).repeats(test.replay); got != test.want {
			t.Errorf("%s: repeats is %v", name, got)
		}
	}
}
