// Package forget is the room of what has to go: a conversation with all that was
// learned from it (conversation.forget), what was learned and is older than it is kept
// (Retention), and objects of the bucket that no row names any more (Collector).
//
// What ended jobs leave in the database goes with the engine's prune.
package forget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// Replies are the streams on which answers were shown. *redis.Replies is one.
type Replies interface {
	// Drop removes the replies of jobs in a lane.
	Drop(ctx context.Context, lane string, jobs []string) error
}

// Cache holds answers that chats gave, and that dreams anticipated. *redis.Cache is one.
type Cache interface {
	// Drop removes the answers of these names: a chat's job, or kept.Name.
	Drop(ctx context.Context, names []string) error
}

// Vendors finds the trainers at which training files were left; a [providers.Router] does.
type Vendors interface {
	Trainer(name string) (providers.Trainer, error)
}

// Deps are what it takes to forget. Those without a default are required.
type Deps struct {
	Bucket  blob.Bucket
	Replies Replies
	Cache   Cache
	Vendors Vendors
	// Pause is how long work that may have read the conversation is waited for at a
	// time. Defaults to five seconds.
	Pause time.Duration
}

// Conversation returns the handler of conversation.forget. The rows go first, in one
// commit with what was found, so that nothing new is learned and an attempt that
// breaks off goes on where it was. Then what holds it outside of the database is
// written again without it. While work is under way that read it before, the job
// waits, and looks once more at what that work wrote.
func Conversation(d Deps) tasks.Handler {
	if d.Pause <= 0 {
		d.Pause = 5 * time.Second
	}
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		var in tasks.ForgetInput
		if err := run.Decode(&in); err != nil {
			return nil, err
		}
		f := &forgetter{Deps: d, run: run}
		err := f.find(ctx, in.Conversation)
		if errors.Is(err, db.ErrNotFound) {
			return end(learn.Traces{Conversation: in.Conversation}) // there is nothing, or another job saw to it
		}
		if err != nil {
			return nil, fmt.Errorf("find what a conversation left: %w", err)
		}
		return f.forget(ctx)
	}
}

// plan is what was found when the rows were deleted, kept as an effect until all is
// forgotten. It holds no word of the conversation.
type plan struct {
	learn.Traces
	Rows    []string `json:"rows"`    // the hashes of what its training rows say
	Objects []string `json:"objects"` // the datasets' objects as they were
}

// stepFound is the effect that holds the plan.
const stepFound = "found"

type forgetter struct {
	Deps
	run  *tasks.Run
	plan plan
}

// find reads the plan of an attempt before, or makes it.
func (f *forgetter) find(ctx context.Context, conversation string) error {
	known, err := f.run.Store.Effect(ctx, f.run.Job.ID, stepFound)
	if err == nil {
		return json.Unmarshal(known.Response, &f.plan)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	return f.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		return f.firstFind(ctx, q, conversation)
	})
}

// firstFind finds what there is, deletes the rows and keeps the plan.
func (f *forgetter) firstFind(ctx context.Context, q *store.Queries, conversation string) error {
	tenant := f.run.Job.Tenant
	found, err := q.Traces(ctx, tenant, conversation, tasks.ConversationKinds())
	if err != nil {
		return err
	}
	if err := q.HoldConversation(ctx, tenant, found.Conversation); err != nil {
		return err
	}
	f.plan = plan{} // the transaction may be tried again
	if f.plan.Traces, err = q.Traces(ctx, tenant, found.Conversation, tasks.ConversationKinds()); err != nil {
		return err
	}
	if err := f.noteDatasets(ctx, q.Learn()); err != nil {
		return err
	}
	if err := q.Forget(ctx, tenant, f.plan.Traces, tasks.ConversationKinds()); err != nil {
		return err
	}
	text, err := json.Marshal(f.plan)
	if err != nil {
		return err
	}
	return q.AddEffect(ctx, book.Effect{
		Job: f.run.Job.ID, Step: stepFound, Epoch: f.run.Job.Epoch, RequestHash: stepFound, Response: text,
	})
}

// noteDatasets notes by what the conversation is known in the datasets' objects.
func (f *forgetter) noteDatasets(ctx context.Context, q *learn.Queries) error {
	for _, id := range f.plan.Examples {
		e, err := q.Example(ctx, f.run.Job.Tenant, id)
		if err != nil {
			return err
		}
		f.plan.Rows = append(f.plan.Rows, hashOf(e.Messages))
	}
	for _, id := range f.plan.Datasets {
		d, err := q.Dataset(ctx, f.run.Job.Tenant, id)
		if err != nil {
			return err
		}
		f.plan.Objects = append(f.plan.Objects, d.Object)
	}
	return nil
}

// forget makes one round. It is the last if no learning job was running when it began.
func (f *forgetter) forget(ctx context.Context) (*tasks.End, error) {
	tenant, traces := f.run.Job.Tenant, f.plan.Traces
	busy, err := f.run.Store.StillLearning(ctx, tenant, traces)
	if err != nil {
		return nil, fmt.Errorf("look for work under way: %w", err)
	}
	err = f.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		return q.Forget(ctx, tenant, traces, tasks.ConversationKinds())
	})
	if err != nil {
		return nil, fmt.Errorf("forget rows: %w", err)
	}
	if err := f.clean(ctx); err != nil {
		return nil, err
	}
	if err := f.run.Store.Scrub(ctx); err != nil {
		return nil, fmt.Errorf("forget in the database's files: %w", err)
	}
	if busy {
		return &tasks.End{State: job.StateWaiting, After: f.Pause}, nil
	}
	done, err := end(traces)
	if err != nil {
		return nil, err
	}
	done.Write = func(ctx context.Context, q *store.Queries) error {
		return errors.Join(q.ForgetCitations(ctx, tenant, traces), q.ClearEffects(ctx, f.run.Job.ID))
	}
	return done, nil
}

func end(t learn.Traces) (*tasks.End, error) {
	text, err := json.Marshal(tasks.NewForgotten(t))
	return &tasks.End{Result: text}, err
}

// clean removes the conversation from what is outside of the database. One thing
// that fails does not keep the others from being cleaned.
func (f *forgetter) clean(ctx context.Context) error {
	var faults []error
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"replies", f.cleanReplies}, {"cache", f.cleanCache}, {"imports", f.cleanImports}, {"dreams", f.cleanDreams},
		{"memories", f.cleanMemories}, {"datasets", f.cleanDatasets},
		{"training files", f.cleanTrainings},
	} {
		if err := part.do(ctx); err != nil {
			faults = append(faults, fmt.Errorf("forget in %s: %w", part.name, err))
		}
	}
	return errors.Join(faults...)
}

// cleanCache drops the answers of its chats, and all that dreams which may have read it anticipated.
func (f *forgetter) cleanCache(ctx context.Context) error {
	return f.Cache.Drop(ctx, append(kept.Names(f.plan.Dreams...), f.plan.Chats...))
}

func (f *forgetter) cleanReplies(ctx context.Context) error {
	return f.Replies.Drop(ctx, string(tasks.Chat), f.plan.Chats)
}
