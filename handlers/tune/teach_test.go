package tune

import (
	"fmt"

	"dreamlab/handlers/tune/exam"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
)

// topics are what the bench's tenant is asked about.
var topics = []string{
	"parcel", "refund", "invoice", "password", "opening hours", "warranty", "delivery address", "gift card",
	"subscription", "returns desk", "loyalty points", "newsletter",
}

func answerFor(topic string) string {
	return fmt.Sprintf("About your %s: open the page called %s in your account and press the green button.",
		topic, topic)
}

var phrasings = []string{
	"Where do I look after my %s please, I have been searching all day long?",
	"I have a question on the %s, can you tell me what I need to do next?",
	"My %s seems to be wrong, how would I go about getting that put right?",
	"Could you explain to me how the %s works here, step by step if possible?",
	"Somebody told me that you handle the %s, so what should I do about it now?",
}

// Who asks, and from where: no two questions are near-duplicates.
var (
	names  = []string{"Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida"}
	places = []string{"Oslo", "Bern", "Cork", "Gent", "Lyon", "Nice", "Pisa"}
)

// anyExam lets an exam begin that can decide nothing, for tests of what comes before it.
func anyExam() exam.Gate { return exam.Gate{Conversations: 1, Detect: 10_000} }

// teach fills the store with examples and held-out conversations.
func (b *bench) teach(examples, questions int) {
	b.Helper()
	for i := range examples {
		topic := topics[i%len(topics)]
		ask := fmt.Sprintf(phrasings[i/len(topics)%len(phrasings)], topic) + fmt.Sprintf(" (case %d)", i)
		b.example(ask, answerFor(topic))
	}
	for i := range questions {
		topic := topics[i%len(topics)]
		ask := fmt.Sprintf("%s in %s asks: where do I look after my %s, what do I need to do?", names[i%len(names)],
			places[i%len(places)], topic)
		b.question(fmt.Sprintf("question-%d", i), ask, "Please wait.", answerFor(topic))
	}
}

func (b *bench) example(ask, answer string) {
	b.Helper()
	for storetest.HeldOut(ask, ask) {
		ask += "!"
	}
	messages := plainjson.Of([]turn{{Role: "user", Content: ask}, {Role: "assistant", Content: answer}})
	e := learn.Experience{
		ID: db.NewID("exp_"), Tenant: b.tenant, External: ask, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Prompt: plainjson.Of([]turn{{Role: "user", Content: ask}}), Answer: plainjson.Of(turn{Role: "assistant", Content: answer}),
	}
	e.Seal()
	b.must(b.store.AddExperience(b.ctx, e))
	b.must(b.store.AddExample(b.ctx, learn.Example{
		ID: db.NewID("exm_"), Tenant: b.tenant, Alias: learn.DefaultAlias, Dream: "drm_1",
		Experience: e.ID, Messages: messages, Score: 900, Verdict: "judged", Author: "recorded", Rejected: b.worse,
		Content: fmt.Sprintf("%x", digestOf([]turn{{Role: "user", Content: ask}})),
	}))
}

func (b *bench) question(conversation, ask, answer, reference string) {
	b.Helper()
	for !storetest.HeldOut(conversation, ask) {
		conversation, ask = conversation+"'", ask+"!"
	}
	e := learn.Experience{
		Tenant: b.tenant, External: conversation, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Prompt: plainjson.Of([]turn{{Role: "user", Content: ask}}),
		Answer: plainjson.Of(turn{Role: "assistant", Content: answer}), Reference: reference,
	}
	e.Seal()
	b.must(b.store.AddExperience(b.ctx, e))
}
