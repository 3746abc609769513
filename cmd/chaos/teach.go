package main

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

// topics are what the tenants whose tunes end at a place are asked about.
var topics = []string{
	"parcel", "refund", "invoice", "password", "warranty", "voucher", "subscription", "receipt", "newsletter", "locker", "ticket",
	"membership",
}

const (
	// heldOutQuestions is a few more than the thirty that an exam needs.
	heldOutQuestions = 34
	// maxTaught bounds the tries: a fifth of all questions is held out.
	maxTaught = 1000
)

func answerOf(topic string) string {
	return fmt.Sprintf("About your %s: open the page called %s in your account and press the green button.", topic, topic)
}

// teach stores what a tune takes: an example of each topic to learn from, and held-out questions on the topics.
func (l *lab) teach(ctx context.Context, tenant string) error {
	for i, held := 0, 0; i < maxTaught; i++ {
		topic := topics[i%len(topics)]
		ask := fmt.Sprintf("Clerk %d of desk %d-%d asks: where do I look after my %s, what do I need to do?", i, i*7, i*13, topic)
		e, err := l.ask(ctx, tenant, ask, topic)
		switch {
		case err != nil:
			return err
		case e.HeldOut:
			held++
		case i < 3*len(topics):
			err = l.addExample(ctx, e, ask, answerOf(topic))
		}
		if err != nil || held == heldOutQuestions {
			return err
		}
	}
	return fmt.Errorf("of %d questions fewer than %d were held out", maxTaught, heldOutQuestions)
}

// ask stores a question that was answered badly, with its right answer.
func (l *lab) ask(ctx context.Context, tenant, text, topic string) (learn.Experience, error) {
	e := learn.Experience{
		ID: db.NewID("exp_"), Tenant: tenant, External: text, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Prompt: messages("user", text), Answer: plainjson.Of(message{"assistant", "Please wait."}), Reference: answerOf(topic),
	}
	e.Seal()
	if err := l.store.AddExperience(ctx, e); err != nil {
		return e, err
	}
	return l.store.Experience(ctx, tenant, e.ID)
}

func (l *lab) addExample(ctx context.Context, e learn.Experience, ask, answer string) error {
	return l.store.AddExample(ctx, learn.Example{
		ID: db.NewID("exm_"), Tenant: e.Tenant, Alias: e.Alias, Dream: "drm_taught", Experience: e.ID,
		Messages: messages("user", ask, "assistant", answer), Score: 900, Verdict: "reference", Author: "reference", Content: e.ID,
	})
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// messages are pairs of a role and a text.
func messages(said ...string) json.RawMessage {
	var list []message
	for i := 0; i < len(said); i += 2 {
		list = append(list, message{said[i], said[i+1]})
	}
	return plainjson.Of(list)
}
