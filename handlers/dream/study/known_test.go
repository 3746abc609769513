package study

import (
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

const kettles = "Kettles stand in the second row behind the door and cost 30 francs."

// verifiedRow is a row that judges verified.
func verifiedRow(question, answer string, score int64) learn.Example {
	return learn.Example{Score: score, Verdict: byJudges, Messages: plainjson.Of([]providers.Message{
		providers.TextMessage("user", question), providers.TextMessage("assistant", answer),
	})}
}

// TestAnAnswerThatWasVerifiedIsNotJudgedAgain looks at when a row that stands spares both judgements.
func TestAnAnswerThatWasVerifiedIsNotJudgedAgain(t *testing.T) {
	t.Parallel()
	const asked = "Hello, where do I find the kettles please?"
	for name, test := range map[string]struct {
		row    learn.Example
		replay string
		spared bool
	}{
		"nearly the same question": {verifiedRow("Where do I find the kettles please?", kettles, 800), "I was trained to help.", true},
		"another question":         {verifiedRow("What does a new lamp cost?", kettles, 800), "I was trained to help.", false},
		"another answer":           {verifiedRow(asked, kettles+" Or not.", 800), "I was trained to help.", false},
		"the base says it by now":  {verifiedRow(asked, kettles, 800), kettles + "!", false},
		"a row below the floor":    {verifiedRow(asked, kettles, Floor-1), "I was trained to help.", false},
		"a row that is no row":     {learn.Example{Score: 900, Messages: []byte(`{}`)}, "I was trained to help.", false},
	} {
		one := New(said(func(e *learn.Experience) {
			e.ID = "exp_1"
			e.Prompt = plainjson.Of([]providers.Message{
				providers.TextMessage("system", "You sell things."), providers.TextMessage("user", asked),
			})
			e.Answer = plainjson.Of(providers.TextMessage("assistant", kettles))
		}))
		if one.AnswerSum() == "" {
			t.Fatal("the answer has no sum")
		}
		one.Know([]learn.Example{test.row})
		questions, v, err := one.Next(map[string]judge.Answer{"exp_1/replay": reply(test.replay)})
		if err != nil || (len(questions) == 0) != test.spared {
			t.Errorf("%s: asked %s, %v", name, names(questions), err)
			continue
		}
		if !test.spared {
			continue
		}
		row := one.Example(v)
		if v.Reject != "" || row.Verdict != "known" || row.Score != 800 || row.Rejected != test.replay || row.Answer != "" {
			t.Errorf("%s: verdict %+v, row %+v", name, v, row)
		}
	}
}

// TestWhatIsNotFoundAgain tells which answers have no hash to be found by.
func TestWhatIsNotFoundAgain(t *testing.T) {
	t.Parallel()
	down := int64(-1)
	for name, change := range map[string]func(*learn.Experience){
		"few words":       func(e *learn.Experience) { e.Answer = plainjson.Of(providers.TextMessage("assistant", "It is 12.")) },
		"with a standard": func(e *learn.Experience) { e.Reference = "12" },
		"corrected":       func(e *learn.Experience) { e.Correction = kettles },
		"disliked":        func(e *learn.Experience) { e.Rating = &down },
		"held out":        func(e *learn.Experience) { e.HeldOut = true },
	} {
		one := New(said(func(e *learn.Experience) {
			e.Answer = plainjson.Of(providers.TextMessage("assistant", kettles))
			change(e)
		}))
		if sum := one.AnswerSum(); sum != "" {
			t.Errorf("%s: %s", name, sum)
		}
	}
	one := New(said(func(e *learn.Experience) { e.Answer = plainjson.Of(providers.TextMessage("assistant", kettles)) }))
	if one.Example(Verdict{VerifiedBy: byJudges}).Answer != one.AnswerSum() || one.AnswerSum() == "" {
		t.Error("a row that was judged is not found by its answer")
	}
}
