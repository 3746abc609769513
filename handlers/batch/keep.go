package batch

import (
	"context"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/shared"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
)

// paid is what an answer cost in an order, and what it would have cost live, nano-dollars.
type paid struct{ nano, live int64 }

// keep stores the answers of the steps that a line asked: its own, or one for each of its parts, with its share
// of the price. What a shared answer does not say of a part is kept as an empty one, which the part's job asks again.
func (b order) keep(ctx context.Context, q *store.Queries, l *batch.Line, reply *providers.Reply, cost paid) error {
	parts, replies, sizes := l.Parts, []*providers.Reply{reply}, []int64{1}
	if len(parts) > 0 {
		sizes = sizesOf(parts)
		replies = shared.Split(reply, sizes)
	} else {
		parts = []batch.Part{{Step: l.Step, Hash: l.Hash}}
	}
	nano, live := shared.Parts(cost.nano, sizes), shared.Parts(cost.live, sizes)
	for i, part := range parts {
		err := q.AddEffect(ctx, handlers.Later{
			Job: l.Job, Step: part.Step, Hash: part.Hash, Epoch: b.run.Job.Epoch, Entry: l.Entry, Reply: replies[i],
			Target: providers.Target{Provider: b.spec.Provider, Model: b.spec.Target}, Nano: nano[i], Live: live[i],
		}.Effect())
		if err != nil {
			return fmt.Errorf("store the answer of %s: %w", part.Step, err)
		}
	}
	return nil
}

func sizesOf(parts []batch.Part) []int64 {
	sizes := make([]int64, len(parts))
	for i, part := range parts {
		sizes[i] = part.Size
	}
	return sizes
}

// asAlone is the usage of a line's steps if each had been asked by itself, as a live job asks them: what they
// share would have been sent for each, and none would have been answered by name. It follows from the sizes of the
// requests and of what was answered.
func asAlone(l *batch.Line, request *providers.Request, reply *providers.Reply, usage providers.Usage) providers.Usage {
	if len(l.Parts) == 0 {
		return usage
	}
	alone := int64(0)
	for _, part := range l.Parts {
		alone += part.Size
	}
	if joined := shared.Size(*request); joined > 0 && alone > joined {
		usage.Input = usage.Input * alone / joined
	}
	if said, alone := shared.Said(reply); said > alone {
		usage.Output -= max(usage.Output-usage.Reasoning, 0) * (said - alone) / said
	}
	return usage
}
