package study

import (
	"errors"
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// What the lead model says of two answers that are both worthless.
const forNeither = `{"reason":"Neither helps.","verdict":"equal","score_a":0.1,"score_b":0.1}`

// useless begins a study of which nothing good was said so far.
func useless(lead judge.Answer) map[string]judge.Answer {
	return map[string]judge.Answer{
		"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forNeither), "exp_1/judge/2": reply(forNeither),
		"exp_1/improve": lead,
	}
}

func TestTheLeadAnswersWhereNothingGoodWasSaid(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	disliked := func(e *learn.Experience) { e.Rating = &down }
	bare := func(e *learn.Experience) { e.Reference = "#### 14" }
	as := func(more map[string]judge.Answer, first, second string) map[string]judge.Answer {
		more["exp_1/improve/1"], more["exp_1/improve/2"] = reply(first), reply(second)
		return more
	}
	wrong := map[string]judge.Answer{"exp_1/replay": reply("13")}
	cut := judge.Answer{Reply: &providers.Reply{Content: "It is", Finish: "length"}}
	for name, test := range map[string]struct {
		change         func(*learn.Experience)
		given          map[string]judge.Answer
		asked          string
		reject, answer string
	}{
		"both are useless": {nil, as(useless(reply("It is a dozen.")), forA, forB), "", "", "It is a dozen."},
		"it is disliked":   {disliked, wrong, "lead exp_1/improve improve", "", ""},
		"a wrong number":   {bare, wrong, "lead exp_1/improve improve", "", ""},
		"its working is judged": {bare, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("7 and 7 are 14.")},
			"lead exp_1/improve/1 critique", "", ""},
		"it is wrong, too": {bare, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("It is 15.")},
			"lead exp_1/sample/2 improve", "", ""},
		"it is wrong twice": {bare, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("It is 15."),
			"exp_1/sample/2": reply("It is 16.")}, "lead exp_1/sample/3 improve", "", ""},
		"it says the same wrong number again": {bare, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("It is 15."),
			"exp_1/sample/2": reply("It is 15.")}, "", Unverified, ""},
		"the third is right": {bare, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("It is 15."),
			"exp_1/sample/2": reply("It is 16."), "exp_1/sample/3": reply("7 + 7 = 14")}, "lead exp_1/improve/1 critique", "", ""},
		"it claims another number than the base": {disliked, map[string]judge.Answer{"exp_1/replay": reply("13"),
			"exp_1/improve": reply("The answer is 15.")}, "lead exp_1/sample/2 improve", "", ""},
		"two of its numbers agree": {disliked, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("The answer is 15."),
			"exp_1/sample/2": reply("The answer is: 15")}, "lead exp_1/improve/1 critique", "", ""},
		"none of its numbers agree": {disliked, map[string]judge.Answer{"exp_1/replay": reply("13"), "exp_1/improve": reply("The answer is 15."),
			"exp_1/sample/2": reply("The answer is 16."), "exp_1/sample/3": reply("The answer is 17.")}, "", NegativeFeedback, ""},
		"no better than the base": {nil, as(useless(reply("It is a dozen.")), forNeither, forNeither), "", BelowFloor, ""},
		"the orders disagree":     {nil, as(useless(reply("It is a dozen.")), forA, forA), "", BelowFloor, ""},
		"the same as the base":    {nil, useless(reply(" 13 ")), "", BelowFloor, ""},
		"it is cut":               {nil, useless(cut), "", BelowFloor, ""},
		"it refuses":              {nil, useless(reply("As an AI language model, I can't help with that.")), "", BelowFloor, ""},
		"it has a placeholder":    {nil, useless(reply("Call [PHONE_1].")), "", BelowFloor, ""},
		"it has personal data":    {nil, useless(reply("Write to ann@shop.example.")), "", BelowFloor, ""},
		"it makes a link up":      {nil, useless(reply("See https://evil.example/confirm.")), "", BelowFloor, ""},
		"the vendor refuses":      {nil, useless(refused("content_filter")), "", BelowFloor, ""},
		"its verdict is malformed": {nil, as(useless(reply("A dozen.")), "A", "B"),
			"lead exp_1/improve/1/again critique", "", ""},
	} {
		e := said(func(e *learn.Experience) { e.ID = "exp_1" })
		if test.change != nil {
			test.change(&e)
		}
		one := New(e)
		questions, v, err := one.Next(test.given)
		if err != nil || names(questions) != test.asked {
			t.Errorf("%s: asked %q, %v", name, names(questions), err)
		}
		if len(questions) == 0 && (v.Reject != test.reject || v.Improved != test.answer) {
			t.Errorf("%s: verdict %+v", name, v)
		}
		if test.answer == "" {
			continue
		}
		if row := one.Example(v); row.Author != "lead" || row.Rejected != "13" || row.Score != 900 || row.Verdict != "judged" {
			t.Errorf("%s: row %+v", name, row)
		}
	}
}

func TestAFaultWhileTheLeadAnswersIsReturned(t *testing.T) {
	t.Parallel()
	one := New(said(func(e *learn.Experience) { e.ID = "exp_1" }))
	var failure *tasks.Failure
	if _, _, err := one.Next(useless(refused("insufficient_quota"))); !errors.As(err, &failure) {
		t.Errorf("got %v", err)
	}
}

// TestLinksOfTheConversationMayBeRepeated checks what an answer may rest on.
func TestLinksOfTheConversationMayBeRepeated(t *testing.T) {
	t.Parallel()
	one := New(said(func(e *learn.Experience) {
		e.Prompt = plainjson.Of([]providers.Message{providers.TextMessage("system", "Our shop is https://shop.example/help.")})
	}))
	for text, want := range map[string]bool{
		"See https://shop.example/help!":  true,
		"See https://other.example/help.": false,
		"See www.other.example.":          false,
		"Ask at the bar.":                 true,
	} {
		if got := one.fit(&providers.Reply{Content: text, Finish: "stop"}); got != want {
			t.Errorf("%q: fit is %v", text, got)
		}
	}
}

// TestACorrectionNeedsNoJudge checks that what a user wrote becomes the row, beside what
// it corrects.
func TestACorrectionNeedsNoJudge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ correction, reference, reject, rejected string }{
		{"It is 13.", "", "", "It is 12."},
		{" It is 12. ", "", "", ""},
		{"It is 13.", "#### 13", "", "It is 12."},
		{"It is 13.", "#### 14", Unverified, ""},
	} {
		one := New(said(func(e *learn.Experience) { e.Correction, e.Reference = test.correction, test.reference }))
		questions, v, err := one.Next(nil)
		if err != nil || len(questions) > 0 || v.Reject != test.reject || v.RejectedHalf != test.rejected {
			t.Errorf("%+v: asked %v, verdict %+v, %v", test, questions, v, err)
		}
		if row := one.Example(v); v.Reject == "" && (row.Author != "user" || row.Verdict != "correction" || row.Score != 1000) {
			t.Errorf("%+v: row %+v", test, row)
		}
	}
}

// TestWhatTheBaseKnowsIsLeft checks that a replay which meets the reference ends the study.
func TestWhatTheBaseKnowsIsLeft(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{"#### 12", "6 and 6 are 12.\n#### 12", "12"} {
		one := New(said(func(e *learn.Experience) { e.ID, e.Reference = "exp_1", reference }))
		_, v, err := one.Next(map[string]judge.Answer{"exp_1/replay": reply("That makes 12.")})
		if err != nil || v.Reject != GoodEnough {
			t.Errorf("%q: verdict %+v, %v", reference, v, err)
		}
	}
}

// TestANumberIsFoundAgain studies an answer that gives a number which nothing can be held against: it is judged where
// the base or the lead model comes to the number, too, or gives none, and is left where they agree on another.
func TestANumberIsFoundAgain(t *testing.T) {
	t.Parallel()
	type given map[string]judge.Answer
	for _, test := range []struct {
		name   string
		given  given
		asked  string
		reject string
	}{
		{"the base finds it", given{"exp_1/replay": reply("That makes 12.")}, "lead exp_1/judge/1 critique", ""},
		{"the base finds another", given{"exp_1/replay": reply("13")}, "lead exp_1/improve improve", ""},
		{"the lead finds it", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("6 + 6 = 12.")}, "lead exp_1/judge/1 critique", ""},
		{"the lead gives none", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("I can not count.")}, "lead exp_1/judge/1 critique", ""},
		{"the lead finds another", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("14")}, "lead exp_1/sample/2 improve", ""},
		{"in the same words", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("14"), "exp_1/sample/2": reply("14")},
			"lead exp_1/judge/1 critique", ""},
		{"then the same", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("14"), "exp_1/sample/2": reply("12.")},
			"lead exp_1/judge/1 critique", ""},
		{"twice another", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("7 + 7 = 14"), "exp_1/sample/2": reply("It is 14.")},
			"lead exp_1/improve/1 critique", ""},
		{"and it is not better", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("7 + 7 = 14"), "exp_1/sample/2": reply("It is 14."),
			"exp_1/improve/1": reply(forNeither), "exp_1/improve/2": reply(forNeither)}, "", Inconsistent},
		{"three others", given{"exp_1/replay": reply("13"), "exp_1/improve": reply("The answer is 14."), "exp_1/sample/2": reply("The answer is 15."),
			"exp_1/sample/3": reply("The answer is 16.")}, "", Inconsistent},
		{"no money", given{"exp_1/replay": reply("13"), "exp_1/improve": refused("insufficient_quota")}, "", ""},
	} {
		one := New(said(func(e *learn.Experience) {
			e.ID, e.Answer = "exp_1", plainjson.Of(providers.TextMessage("assistant", "6 + 6 = 12\n#### 12"))
		}))
		questions, v, err := one.Next(test.given)
		if names(questions) != test.asked || len(questions) == 0 && v.Reject != test.reject || (err != nil) != (test.name == "no money") {
			t.Errorf("%s: asked %q, verdict %+v, %v", test.name, names(questions), v, err)
		}
	}
}
