package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// record keeps the chat as an experience, unless the client asked not to, or there
// is nothing to learn from.
func (t *turn) record(ctx context.Context, q *store.Queries, a *handlers.Answered) error {
	if !t.in.Keep || !teaches(a.Reply) {
		return nil
	}
	e := t.experience(a)
	e.Seal()
	if err := q.AddExperience(ctx, e); err != nil {
		return fmt.Errorf("keep the experience: %w", err)
	}
	if err := q.AddLessonUses(ctx, e.Tenant, e.ID, t.lessons, t.memory); err != nil {
		return fmt.Errorf("note the lessons that fitted: %w", err)
	}
	return nil
}

// teaches tells whether something can be learned from an answer: it has text, a call
// or a refusal, and ended by one of OpenAI's reasons.
func teaches(reply *providers.Reply) bool {
	_, ended := completion.Finish(reply.Finish)
	return ended && completion.Says(reply.Message)
}

func (t *turn) experience(a *handlers.Answered) learn.Experience {
	e := learn.Experience{
		ID: db.NewID("exp_"), Tenant: t.run.Job.Tenant, External: t.in.Conversation, Alias: t.in.Alias, Origin: learn.OriginLive,
		Job: t.run.Job.ID, Provider: a.Target.Provider, Model: a.Target.Model,
		Prompt: tasks.PromptText(t.request.Messages),
		Answer: a.Reply.Message,
		Finish: a.Reply.Finish,
	}
	if t.memory {
		e.Origin = learn.OriginMemory
	}
	if e.Alias == "" {
		e.Alias = learn.DefaultAlias
	}
	e.Metadata = t.metadata()
	return e
}

// metadata are the client's, with who asked where the chat says so and they do not: nobody makes up more than a share
// of what is learned, and conversations of two users are two.
func (t *turn) metadata() json.RawMessage {
	m := maps.Clone(t.request.Metadata)
	if user := t.request.User; user != "" && m["user"] == "" && m["user_id"] == "" {
		if m == nil {
			m = map[string]string{}
		}
		m["user"] = user
	}
	if len(m) == 0 {
		return nil
	}
	return plainjson.Of(m)
}
