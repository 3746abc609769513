package chat

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"dreamlab/handlers/recall"
	"dreamlab/providers"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// leftOut is the share of chats in which the lessons that fit are left out, one of so many: what
// their users say tells what lessons are worth.
const leftOut = 8

// remember puts the lessons of the tenant's memory that fit in front, where there are any.
func (t *turn) remember(ctx context.Context, request *providers.Request) error {
	memory, err := t.run.Store.Memory(ctx, t.run.Job.Tenant)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the memory: %w", err)
	}
	lessons := recall.Fit(memory.Lessons, recall.Said(request.Messages))
	if len(lessons) == 0 {
		return nil
	}
	t.lessons = idsOf(lessons)
	if t.leavesOut() {
		return nil
	}
	t.memory = true
	front := providers.TextMessage("system", recall.Front(lessons))
	request.Messages = append([]providers.Message{front}, request.Messages...)
	return nil
}

// recall is remember for models that stand in for a tuned one, where the client asked for no memory.
func (t *turn) recall(ctx context.Context, request providers.Request) (providers.Request, error) {
	err := t.remember(ctx, &request)
	return request, err
}

// standsIn returns how a stand-in is given the memory: nil where no tuned model is asked first, or all
// models are given it.
func (t *turn) standsIn(tiers [][]providers.Target) func(context.Context, providers.Request) (providers.Request, error) {
	if t.in.Memory || tiers[0][0].Priced == "" {
		return nil
	}
	return t.recall
}

// leavesOut tells whether this chat is one of those without lessons.
func (t *turn) leavesOut() bool {
	sum := fnv.New32a()
	sum.Write([]byte(t.run.Job.ID)) // never fails
	return sum.Sum32()%leftOut == 0
}

func idsOf(lessons []learn.Lesson) []string {
	ids := make([]string, 0, len(lessons))
	for _, l := range lessons {
		if id := l.ID(); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
