package shared_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/shared"
	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// about is a question to a judge on two answers to a conversation.
func about(t rapid.TB, messages []providers.Message) providers.Request {
	t.Helper()
	request, err := judge.Request(judge.Case{
		Prompt: plainjson.Of(messages), First: "We open at nine on that day, as the page says.", Second: "Bananas are yellow.",
	})
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// said puts the conversation of a case of a joined request together again.
func said(t rapid.TB, joined providers.Request, name string) []providers.Message {
	t.Helper()
	var object map[string]json.RawMessage
	var beside struct {
		Before       []providers.Message
		Begins, Ends string
	}
	text := []byte(joined.Messages[1].Text())
	var one struct{ Conversation []providers.Message }
	for _, err := range []error{json.Unmarshal(text, &object), json.Unmarshal(text, &beside), json.Unmarshal(object[name], &one)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	first := one.Conversation[0]
	one.Conversation[0] = providers.TextMessage(first.Role, beside.Begins+first.Text()+beside.Ends)
	return append(beside.Before, one.Conversation...)
}

// What conversations begin with is sent once, nothing of them is lost, and the verdicts stay those that each gets alone.
func TestWhatConversationsBeginWith(t *testing.T) {
	t.Parallel()
	text := func(words int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			word := rapid.SampledFrom([]string{"nine", "page", "\"open\"", "day", "größer", "\n", "it", "is", "on"})
			return strings.Join(rapid.SliceOfN(word, 0, words).Draw(t, "words"), " ")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		before, begins, ends := text(60).Draw(t, "before"), text(60).Draw(t, "begins"), text(60).Draw(t, "ends")
		var requests []providers.Request
		var want [][]providers.Message
		for range rapid.IntRange(2, 5).Draw(t, "cases") {
			messages := []providers.Message{
				providers.TextMessage("user", before), providers.TextMessage("assistant", "At nine."),
				providers.TextMessage("user", begins+" "+text(4).Draw(t, "question")+" "+ends),
			}
			if rapid.Bool().Draw(t, "goes on") {
				messages = append(messages, providers.TextMessage("assistant", "Yes."), providers.TextMessage("user", text(4).Draw(t, "more")))
			}
			requests, want = append(requests, about(t, messages)), append(want, messages)
		}
		joined, err := shared.Join(requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, messages := range want {
			if got, want := plainjson.Of(said(t, joined, shared.Name(i))), plainjson.Of(messages); string(got) != string(want) {
				t.Fatalf("case %d is %s, was %s", i+1, got, want)
			}
		}
		checkVerdicts(t, joined, requests)
	})
}

func checkVerdicts(t rapid.TB, joined providers.Request, requests []providers.Request) {
	t.Helper()
	for i, part := range shared.Split(filled(t, joined), make([]int64, len(requests))) {
		got, err := judge.Parse(part)
		want, wantErr := judge.Parse(filled(t, requests[i]))
		got.Reason, want.Reason = "", "" // the judge takes the texts in another order
		if err != nil || wantErr != nil || got != want {
			t.Errorf("case %d: %+v, alone %+v (%v, %v)", i, got, want, err, wantErr)
		}
	}
}

// A document that several ask about, and the words that stand around every question, are paid for once.
func TestDocumentOnce(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("The shop opens at nine. ", 50)
	var requests []providers.Request
	alone := int64(0)
	for _, ask := range []string{"When do you open?", "Is it nine?", "And on Sunday?"} {
		r := about(t, []providers.Message{providers.TextMessage("user", "Read this page: "+page+"\n\n"+ask+" Answer in one sentence, please.")})
		requests, alone = append(requests, r), alone+shared.Size(r)
	}
	joined, err := shared.Join(requests)
	if err != nil {
		t.Fatal(err)
	}
	object := joined.Messages[1].Text()
	if strings.Count(object, "opens at nine") != 50 || strings.Count(object, "in one sentence") != 1 {
		t.Errorf("what is the same is said more than once: %s", object)
	}
	if least := int64(2 * len(page)); shared.Size(joined) > alone-least {
		t.Errorf("%d bytes, %d alone", shared.Size(joined), alone)
	}
	checkVerdicts(t, joined, requests)
}
