package study

import (
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

// said is an experience with an answer.
func said(change func(*learn.Experience)) learn.Experience {
	e := learn.Experience{
		Origin: learn.OriginLive, Prompt: []byte(`[{"role":"user","content":"How many?"}]`),
		Answer: []byte(`{"role":"assistant","content":"It is 12."}`), Finish: "stop",
	}
	change(&e)
	return e
}

func TestScreen(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	answer := func(text string) func(*learn.Experience) {
		return func(e *learn.Experience) { e.Answer = plainjson.Of(providers.TextMessage("assistant", text)) }
	}
	tests := []struct {
		want   string
		change func(*learn.Experience)
	}{
		{"", func(*learn.Experience) {}},
		{HeldOut, func(e *learn.Experience) { e.HeldOut = true }},
		{FromMemory, func(e *learn.Experience) { e.Origin = learn.OriginMemory }},
		{FromCache, func(e *learn.Experience) { e.Origin = learn.OriginCache }},
		{FromDream, func(e *learn.Experience) { e.Origin = learn.OriginDream }},
		{Cut, func(e *learn.Experience) { e.Finish = "length" }},
		{NegativeFeedback, func(e *learn.Experience) { e.Rating = &down }},
		{"", func(e *learn.Experience) { e.Rating, e.Correction = &down, "It is 13." }},
		{"", func(e *learn.Experience) { e.Finish, e.Correction = "length", "It is 13." }},
		{Unreadable, func(e *learn.Experience) { e.Prompt = []byte(`{}`) }},
		{Unreadable, func(e *learn.Experience) { e.Prompt = []byte(`[]`) }},
		{ToolCall, func(e *learn.Experience) { e.Answer = []byte(`{"role":"assistant","tool_calls":[{"id":"c"}]}`) }},
		{Empty, answer(" \n")},
		{Refusal, answer("As an AI language model, I can't help with that.")},
		{ErrorText, answer("502 Bad Gateway")},
		{Placeholder, answer("Write to ann@shop.example, please.")},
		{Placeholder, func(e *learn.Experience) {
			e.Prompt = plainjson.Of([]providers.Message{providers.TextMessage("user", "My name is Ann. How many?")})
			e.Answer = plainjson.Of(providers.TextMessage("assistant", "Twelve, Ann."))
		}},
		{Secret, answer("Here: gsk_abcdefghijklmnopqrstuvwxyz")},
		{TooLong, answer(string(make([]byte, maxPrompt)))},
	}
	for i, test := range tests {
		if got := New(said(test.change)).Rejected(); got != test.want {
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
		p := New(said(func(e *learn.Experience) { e.Reference, e.Correction = test.reference, test.correction }))
		if p.answer != test.answer || p.author != test.author {
			t.Errorf("%+v: got %q by %s", test, p.answer, p.author)
		}
	}
}

func TestJudgedNeedsBothOrders(t *testing.T) {
	t.Parallel()
	p := New(said(func(*learn.Experience) {}))
	tests := []struct {
		outcome          judge.Outcome
		reject, rejected string
	}{
		{judge.Outcome{Choice: judge.First, Agreed: true, First: 900}, "", "worse"},
		{judge.Outcome{Choice: judge.Equal, Agreed: true}, "", ""},
		{judge.Outcome{Choice: judge.Equal}, Disagreement, ""},
		{judge.Outcome{Choice: judge.Second, Agreed: true}, WorseThanReplay, ""},
	}
	for _, test := range tests {
		v := p.judged(test.outcome, "worse")
		if v.Reject != test.reject || v.RejectedHalf != test.rejected || v.Reject == "" && v.Score != test.outcome.First {
			t.Errorf("%+v: got %+v", test.outcome, v)
		}
	}
}
