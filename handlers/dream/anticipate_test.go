package dream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// popular are so many questions that the lead model answers well, none of them held out.
func popular(t *testing.T, n int) []string {
	t.Helper()
	var all []string
	for _, country := range []string{
		"Germany", "Italy", "Spain", "Portugal", "Japan", "China", "Canada", "Australia", "Brazil", "Egypt", "Kenya", "France",
	} {
		question := "What is the capital of " + country + "?"
		if !storetest.HeldOut("", question) && !storetest.HeldOut("a", question) && len(all) < n {
			all = append(all, question)
		}
	}
	if len(all) < n {
		t.Fatalf("only %d of %d questions", len(all), n)
	}
	return all
}

// askedTwice are conversations in which each question was put twice, and answered badly.
func askedTwice(questions ...string) []byte {
	var lines bytes.Buffer
	for i, question := range questions {
		for _, id := range []string{"a", "b"} {
			lines.Write(conversation(fmt.Sprintf("%s%d", id, i), question, "I do not know."))
		}
	}
	return lines.Bytes()
}

func conversation(id, question, answer string) []byte {
	text, err := json.Marshal(map[string]any{"conversation_id": id, "messages": []map[string]string{
		{"role": "user", "content": question}, {"role": "assistant", "content": answer},
	}})
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// anticipates has dreams anticipate with all that they spend.
func anticipates(d *all.Deps) { d.Dream.Anticipate = dream.Anticipate{Share: 1, Life: time.Hour} }

// keptFor returns what the cache has for a question that is asked cold, "" for nothing.
func keptFor(t *testing.T, b *handlertest.Bench, question string) string {
	t.Helper()
	body := fmt.Sprintf(`{"messages":[{"content":%q,"role":"user"}],"temperature":0.0,"model":"assistant","user":"u"}`, question)
	request, err := tasks.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	route, err := b.Store.Route(t.Context(), b.Tenant, "assistant")
	if err != nil {
		t.Fatal(err)
	}
	text, err := b.Cache.Get(t.Context(), kept.Key(b.Tenant, request, route))
	if errors.Is(err, db.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(kept.Read(text).Body)
}

// TestWhatWasAskedAgainIsAnticipated keeps a verified answer, marked with its dream and what a chat would have cost,
// under the key by which the API looks for it; what it took is booked apart.
func TestWhatWasAskedAgainIsAnticipated(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		e := b.Start(t, anticipates)
		questions := popular(t, 3)
		b.Import(t, e, askedTwice(questions...))
		d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
		if j.State != job.StateSucceeded || d.Stage != "done" || d.Counts.Anticipated < 3 ||
			d.Ahead.Answers != int64(d.Counts.Anticipated) {
			t.Fatalf("job %s %v, counts %+v, anticipation %+v", j.State, j.Error, d.Counts, d.Ahead)
		}
		for _, question := range questions {
			country := strings.TrimSuffix(strings.TrimPrefix(question, "What is the capital of "), "?")
			body := keptFor(t, b, question)
			if !strings.Contains(body, "The capital of "+country) || !strings.Contains(body, `"anticipated":"`+d.ID+`"`) ||
				strings.Contains(body, `"cost_usd":0,`) {
				t.Errorf("%s: %s", question, body)
			}
		}
		spend, err := b.Store.SpendingIn(t.Context(), book.Span{
			Tenant: b.Tenant, By: "purpose", From: d.Created.Add(-time.Hour), To: d.Created.Add(time.Hour), Zone: time.UTC,
		})
		at := slices.IndexFunc(spend, func(s book.Spend) bool { return s.Group == "anticipate" })
		if err != nil || at < 0 || spend[at].Settled != d.Ahead.Cost || d.Ahead.Cost == 0 {
			t.Errorf("%+v, %v; anticipation %+v", spend, err, d.Ahead)
		}
		booksMatch(t, b, d)
	})
}

// TestNothingIsAnticipatedUnasked is off by default.
func TestNothingIsAnticipatedUnasked(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, askedTwice(popular(t, 1)...))
	if d, _ := b.Dream(t, e, tasks.DreamInput{}, nil); d.Ahead != (learn.Anticipation{}) {
		t.Errorf("anticipation %+v", d.Ahead)
	}
}

// TestAnticipationKeepsToItsShare ends where its share of the budget is used up, and says so.
func TestAnticipationKeepsToItsShare(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) { d.Dream.Anticipate = dream.Anticipate{Share: 0.2} })
	b.Import(t, e, askedTwice(popular(t, 6)...))
	budget := int64(10_000_000)
	d, j := b.Dream(t, e, tasks.DreamInput{}, &budget)
	if j.State != job.StateSucceeded || d.Ahead.Cost == 0 || d.Ahead.Cost > budget/5 || !strings.Contains(d.Ahead.Note, "used up") {
		t.Errorf("job %s %v, anticipation %+v", j.State, j.Error, d.Ahead)
	}
}

// TestAnticipationStopsWhereItDoesNotPay has a dream whose answers nobody asked for, then one that says why it
// anticipates no more, then one that does again since the answers were asked for.
func TestAnticipationStopsWhereItDoesNotPay(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) { d.Dream.Anticipate = dream.Anticipate{Share: 1, Life: time.Nanosecond} })
	questions := popular(t, 3)
	b.Import(t, e, askedTwice(questions[0]))
	first, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	b.Import(t, e, askedTwice(questions[:2]...))
	second, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	if first.Counts.Anticipated == 0 || second.Counts.Anticipated != 0 || second.Ahead.Cost != 0 ||
		!strings.Contains(second.Ahead.Note, "does not pay") || !strings.Contains(second.Ahead.Note, "tried again after 20") {
		t.Fatalf("first %+v, second %+v", first.Ahead, second.Ahead)
	}
	if err := b.Store.AddHits(t.Context(), b.Tenant, first.ID, 900, first.Ahead.Cost); err != nil {
		t.Fatal(err)
	}
	b.Import(t, e, askedTwice(questions...))
	if third, _ := b.Dream(t, e, tasks.DreamInput{}, nil); third.Ahead.Cost == 0 {
		t.Errorf("third %+v", third.Ahead)
	}
}

// TestPersonalDataIsNotAnticipated leaves out what names a person, and what nobody would be answered from.
func TestPersonalDataIsNotAnticipated(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, anticipates)
	b.Import(t, e, askedTwice("What is the capital of Germany? My mail is jo@example.com."))
	d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	if d.Counts.Anticipated != 0 || d.Ahead.Cost != 0 {
		t.Errorf("anticipation %+v", d.Ahead)
	}
}

// awayCache is a cache that can not be reached.
type awayCache struct{ *redis.Cache }

func (awayCache) Drop(context.Context, []string) error { return errors.New("connection refused") }

// TestDreamsGoOnWithoutTheCache spends nothing where answers can not be kept.
func TestDreamsGoOnWithoutTheCache(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Engine(t)
	deps := b.Deps(e)
	list, err := all.Handlers(deps)
	if err != nil {
		t.Fatal(err)
	}
	for kind, handler := range dream.Handlers(dream.Deps{
		Caller: deps.Caller, Bucket: deps.Bucket, Prices: deps.Prices, Answers: awayCache{b.Cache},
		Settings: dream.Settings{Anticipate: dream.Anticipate{Share: 1}},
	}) {
		list[kind] = handler
	}
	b.Serve(t, e, list)
	b.Import(t, e, askedTwice(popular(t, 1)...))
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Ahead.Cost != 0 || d.Ahead.Note != "the cache could not be reached" {
		t.Errorf("job %s %v, anticipation %+v", j.State, j.Error, d.Ahead)
	}
}

// TestForgetTakesAnticipatedAnswers removes all that a dream anticipated which has read the conversation.
func TestForgetTakesAnticipatedAnswers(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) {
		anticipates(d)
		d.ForgetPause = 10 * time.Millisecond
	})
	question := popular(t, 1)[0]
	b.Import(t, e, askedTwice(question))
	b.Dream(t, e, tasks.DreamInput{}, nil)
	if keptFor(t, b, question) == "" {
		t.Fatal("nothing was anticipated")
	}
	j, _, err := e.Accept(t.Context(), job.NewJob{
		Tenant: b.Tenant, Kind: string(tasks.ConversationForget), Input: plainjson.Of(tasks.ForgetInput{Conversation: "a0"}),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ended, err := e.Wait(t.Context(), b.Tenant, j.ID, 5*time.Minute); err != nil || ended.State != job.StateSucceeded {
		t.Fatalf("the forget is %s: %v %v", ended.State, ended.Error, err)
	}
	if body := keptFor(t, b, question); body != "" {
		t.Errorf("still there: %s", body)
	}
}
