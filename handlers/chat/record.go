package chat

import (
	"context"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/providers/completion"
	"dreamlab/store"
	"dreamlab/tasks"
)

// record keeps the chat as an experience, unless the client asked not to, or
// there is nothing to learn from: an answer that says nothing, or that ended by
// no reason of OpenAI's.
func (t *turn) record(ctx context.Context, q *store.Queries, a *handlers.Answered) error {
	_, ended := completion.Finish(a.Reply.Finish)
	if !t.in.Keep || !ended || !completion.Says(a.Reply.Message) {
		return nil
	}
	e := t.experience(a)
	e.Seal()
	if err := q.AddExperience(ctx, e); err != nil {
		return fmt.Errorf("keep the experience: %w", err)
	}
	return nil
}

func (t *turn) experience(a *handlers.Answered) store.Experience {
	e := store.Experience{
		Tenant: t.run.Job.Tenant, External: t.in.Conversation, Alias: t.in.Alias, Origin: store.OriginLive,
		Job: t.run.Job.ID, Provider: a.Target.Provider, Model: a.Target.Model,
		Prompt: tasks.PromptText(t.request.Messages),
		Answer: a.Reply.Message,
		Finish: a.Reply.Finish,
	}
	if t.memory {
		e.Origin = store.OriginMemory
	}
	if e.Alias == "" {
		e.Alias = store.DefaultAlias
	}
	if len(t.request.Metadata) > 0 {
		e.Metadata = completion.Encode(t.request.Metadata)
	}
	return e
}
