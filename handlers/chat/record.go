package chat

import (
	"context"
	"fmt"
	"strings"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/tasks"
)

// record keeps the chat as an experience, unless the client asked not to.
func (t *turn) record(ctx context.Context, q *store.Queries, a *handlers.Answered) error {
	if !t.in.Keep || len(a.Reply.Message) == 0 {
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
		Answer: []byte(strings.ToValidUTF8(string(a.Reply.Message), "\uFFFD")),
		Finish: a.Reply.Finish,
	}
	if t.memory {
		e.Origin = store.OriginMemory
	}
	if e.Alias == "" {
		e.Alias = store.DefaultAlias
	}
	if len(t.request.Metadata) > 0 {
		e.Metadata = encode(t.request.Metadata)
	}
	return e
}
