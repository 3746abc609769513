package chat_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// TestEngineSettlesForFencedWorker has a real worker lose its job between the
// answer and the commit: what was paid stands on the books, nothing else does.
func TestEngineSettlesForFencedWorker(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Engine(t)
	list, err := all.Handlers(b.Deps(e))
	if err != nil {
		t.Fatal(err)
	}
	settled := make(chan string, 8)
	list[tasks.ChatRun] = loseOnce(t, b, list[tasks.ChatRun], settled)
	b.Serve(t, e, list)
	request, err := tasks.ParseChat([]byte(hello + `}`))
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(request.Input([]byte(hello+`}`), "assistant"))
	if err != nil {
		t.Fatal(err)
	}
	job := job.NewJob{Tenant: b.Tenant, Kind: string(tasks.ChatRun), Input: input}
	if _, _, err := e.Accept(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case id := <-settled:
		entries := b.Entries(t, id)
		if _, paid := b.Paid(); len(entries) != 1 || entries[0].State != book.EntrySettled || entries[0].Settled != paid {
			t.Errorf("paid %d, books %+v", paid, entries)
		}
		rows, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{})
		if err != nil || len(rows) != 0 {
			t.Errorf("a fenced worker kept %d experiences, %v", len(rows), err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody settled the entry")
	}
}

// loseOnce gives the job to another as soon as its first answer is there, and
// tells when the engine has had the worker settle.
func loseOnce(t *testing.T, b *handlertest.Bench, inner tasks.Handler, settled chan<- string) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		end, err := inner(ctx, run)
		if err != nil || run.Job.Epoch > 1 {
			return end, err
		}
		b.Lose(t, run)
		settle := end.Fenced
		end.Fenced = func(ctx context.Context) error {
			err := settle(ctx)
			settled <- run.Job.ID
			return err
		}
		return end, nil
	}
}
