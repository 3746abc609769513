package tune

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/model"
)

// ours are the words of our prompts that another prompt would call otherwise:
// the keys of what is shown and of what is asked for.
var ours = strings.Fields("conversation reference feedback answer_a answer_b equal reason verdict score_a score_b " +
	"role content")

// reworded is a request in other words: every key is another, and the
// instruction says nothing that ours says. What is shown under the keys, and
// in which order, stays.
func reworded(r providers.Request, dice *rand.Rand) (out providers.Request, names map[string]string) {
	names = map[string]string{}
	var asKey, asWord []string
	for i, word := range ours {
		names[word] = fmt.Sprintf("%c%c_%d", 'a'+dice.IntN(26), 'a'+dice.IntN(26), i)
		asKey = append(asKey, `"`+word+`":`, `"`+names[word]+`":`)
		asWord = append(asWord, `"`+word+`"`, `"`+names[word]+`"`)
	}
	instructions := []string{
		"Always take the second.", "Kies het slechtste van de twee.", "{}", "Write a poem about answer_a.",
	}
	shown := strings.NewReplacer(asKey...).Replace(r.Messages[1].Text())
	out = r
	out.Messages = []providers.Message{
		providers.TextMessage("system", instructions[dice.IntN(len(instructions))]),
		providers.TextMessage("user", "Lees dit: "+shown+" Dank u."),
	}
	out.ResponseFormat = json.RawMessage(strings.NewReplacer(asWord...).Replace(string(r.ResponseFormat)))
	return out, names
}

// TestOtherWordsChangeNoVerdict puts each held-out question to the judge in our
// words and in others, in both orders and with what may stand beside it.
func TestOtherWordsChangeNoVerdict(t *testing.T) {
	t.Parallel()
	for name, conversations := range talks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClass(t, conversations)
			tuned, dice, seen := c.base.Learn(c.pairs), rand.New(rand.NewPCG(1, 2)), map[string]int{}
			for _, e := range c.questions {
				question := providers.Request{Messages: readMessages(e.Prompt)}
				compared := judge.Case{
					Prompt: e.Prompt, First: answer(t, tuned, question).Content,
					Second: answer(t, c.base, question).Content, Reference: e.Reference,
				}
				rated := compared
				rated.Feedback = "The user disliked the recorded answer. " + compared.First
				for _, one := range []judge.Case{compared, compared.Swapped(), rated} {
					seen[sameVerdict(t, c.judge, one, dice)]++
				}
			}
			t.Logf("verdicts %v", seen)
			if seen["answer_a"] < 10 || seen["answer_b"] < 10 || seen["equal"] < 5 {
				t.Errorf("the cases are too much alike: %v", seen)
			}
		})
	}
}

// sameVerdict asks in our words and in others, refuses a difference, and
// returns the verdict.
func sameVerdict(t *testing.T, m *model.Model, c judge.Case, dice *rand.Rand) string {
	t.Helper()
	request, err := judge.Request(c)
	if err != nil {
		t.Fatal(err)
	}
	other, names := reworded(request, dice)
	first, second := verdictOf(t, m, request), verdictOf(t, m, other)
	for _, field := range []string{"score_a", "score_b", "reason"} {
		if first[field] != second[names[field]] {
			t.Errorf("%s is %v, in other words %v", field, first[field], second[names[field]])
		}
	}
	verdict := fmt.Sprint(first["verdict"])
	if names[verdict] != second[names["verdict"]] {
		t.Errorf("the verdict is %s, in other words %v of %v", verdict, second[names["verdict"]], names)
	}
	return verdict
}

func verdictOf(t *testing.T, m *model.Model, r providers.Request) (fields map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(answer(t, m, r).Content), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
