package tune_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/tune"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func text(t *testing.T, value any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// subjects are what the assistant is asked about.
func subjects() []string {
	return []string{"parcel", "refund", "invoice", "password", "voucher", "warranty", "address", "gift card"}
}

func answer(subject string) string {
	return fmt.Sprintf("About your %s: open the page called %s in your account and press the green button.",
		subject, subject)
}

func keepExample(t *testing.T, b *handlertest.Bench, i int) {
	t.Helper()
	subject := subjects()[i%len(subjects())]
	ask := fmt.Sprintf("Where do I look after my %s, I have asked %d times already?", subject, i)
	for storetest.HeldOut(ask, ask) {
		ask += "!"
	}
	e := learn.Experience{
		ID: db.NewID("exp_"), Tenant: b.Tenant, External: ask, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Prompt: text(t, []message{{"user", ask}}), Answer: text(t, message{"assistant", answer(subject)}),
	}
	e.Seal()
	if err := b.Store.AddExperience(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	err := b.Store.AddExample(t.Context(), learn.Example{
		ID: db.NewID("exm_"), Tenant: b.Tenant, Alias: learn.DefaultAlias, Dream: "drm_1",
		Experience: e.ID, Author: "recorded", Verdict: "judged", Content: ask,
		Messages: text(t, []message{{"user", ask}, {"assistant", answer(subject)}}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func keepQuestion(t *testing.T, b *handlertest.Bench, i int) {
	t.Helper()
	subject, name := subjects()[i%len(subjects())], fmt.Sprintf("question-%d", i)
	names, places := []string{"Ada", "Bo", "Cleo", "Dan", "Eve"}, []string{"Oslo", "Bern", "Cork", "Gent", "Lyon", "Nice", "Pisa"}
	ask := fmt.Sprintf("%s in %s asks: where do I look after my %s?", names[i%len(names)], places[i%len(places)], subject)
	for !storetest.HeldOut(name, ask) {
		name, ask = name+"'", ask+"!"
	}
	e := learn.Experience{
		Tenant: b.Tenant, External: name, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Reference: answer(subject), Answer: text(t, message{"assistant", "Wait."}),
		Prompt: text(t, []message{{"user", ask}}),
	}
	e.Seal()
	if err := b.Store.AddExperience(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// A tune goes its whole way through the real engine and queue, to an alias that
// answers with what was taught.
func TestTuneThroughTheEngine(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	for i := range 24 {
		keepExample(t, b, i)
	}
	for i := range 40 {
		keepQuestion(t, b, i)
	}
	b.Lab.SetSpeed(360_000)
	e := b.Start(t, func(d *all.Deps) {
		d.Tune = tune.Settings{
			Lead: handlertest.Lead, Base: handlertest.Base, MinExamples: 10, PollEvery: 20 * time.Millisecond,
		}
	})
	j := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.Tenant, Kind: string(tasks.TuneCurate), Lane: string(tasks.Tune),
		Subject: db.NewID("tun_"), Input: text(t, tasks.TuneInput{}),
	}
	_, _, err := e.Accept(t.Context(), j, func(ctx context.Context, q *store.Queries) error {
		return q.AddTune(ctx, learn.Tune{
			ID: j.Subject, Tenant: b.Tenant, Alias: learn.DefaultAlias, Base: handlertest.Base, Job: j.ID,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	ended, err := e.Wait(t.Context(), b.Tenant, j.ID, 90*time.Second)
	if err != nil || ended.State != job.StateSucceeded {
		t.Fatalf("job %s: %s %v, %v", ended.State, ended.Result, ended.Error, err)
	}
	var result struct{ Decision learn.Decision }
	if err := json.Unmarshal(ended.Result, &result); err != nil || !result.Decision.Promoted {
		t.Fatalf("result %s, %v", ended.Result, err)
	}
	route, err := b.Store.Route(t.Context(), b.Tenant, learn.DefaultAlias)
	if err != nil || route.Author != j.Subject {
		t.Errorf("route %+v, %v", route, err)
	}
}
