package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

func TestRunsAJob(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		wrote := make(chan struct{}, 1)
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			return &tasks.End{Result: run.Job.Input, Then: func(context.Context) error {
				wrote <- struct{}{}
				return nil
			}}, nil
		})
		got := r.ended(r.accept(job.NewJob{Input: text(`{"n": 1}`)}))
		wantState(t, got, job.StateSucceeded)
		if string(got.Result) != `{"n": 1}` || got.Tries() != 1 || got.Started.IsZero() || got.Finished.IsZero() {
			t.Errorf("job ended as %+v", got)
		}
		<-wrote
		attempts, err := r.store.Attempts(r.ctx, got.ID)
		if err != nil || len(attempts) != 1 || attempts[0].Outcome != "succeeded" {
			t.Errorf("attempts are %+v, %v", attempts, err)
		}
	})
}

func TestAcceptIsIdempotent(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		keyed := job.NewJob{Tenant: "ten_a", Kind: "chat.run", IdemKey: "k", IdemHash: "h"}
		first := r.accept(keyed)
		wrote := 0
		write := func(context.Context, *store.Queries) error { wrote++; return nil }
		again, existed, err := r.Accept(r.ctx, keyed, write)
		if err != nil || !existed || again.ID != first.ID || wrote != 0 {
			t.Errorf("the same again: %s existed=%v wrote=%d, %v", again.ID, existed, wrote, err)
		}
		other := keyed
		other.IdemHash = "another"
		if _, _, err := r.Accept(r.ctx, other, write); !errors.Is(err, db.ErrConflict) || wrote != 0 {
			t.Errorf("another request under the key: %v", err)
		}
		other.Tenant = "ten_b"
		if _, existed, err := r.Accept(r.ctx, other, write); err != nil || existed || wrote != 1 {
			t.Errorf("another tenant's key: existed=%v wrote=%d %v", existed, wrote, err)
		}
		r.must(r.store.ShiftClock(r.ctx, 25*time.Hour))
		if got := r.accept(keyed); got.ID == first.ID {
			t.Error("a key of yesterday still holds")
		}
	})
}

// TestWaitingForNobody accepts a parent whose write makes no children.
func TestWaitingForNobody(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{Kind: "dream.plan", Waiting: true})
		wantState(t, j, job.StateQueued)
		r.work(succeed)
		wantState(t, r.ended(j), job.StateSucceeded)
	})
}
