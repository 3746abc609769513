package work

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// order makes a batch of lines which the model answers with themselves.
func (b *bench) order(t *testing.T, lines int) Batch {
	t.Helper()
	order := BatchOrder{
		Batch: Batch{ID: lab.NewID("batch-"), Model: "small", Percent: 50, Window: 24 * time.Hour},
		Answer: func(line json.RawMessage) (BatchSaid, *lab.Failure) {
			return BatchSaid{Body: line, Usage: model.Usage{In: 10, Out: 20}}, nil
		},
	}
	for i := range lines {
		id := "line-" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		order.Requests = append(order.Requests, BatchLine{ID: id, Body: json.RawMessage(`"` + id + `"`)})
	}
	made, failed := b.Batches.Order(b.req, order)
	sound(t, failed)
	return made
}

func (b *bench) fault(t *testing.T, f lab.Fault) {
	t.Helper()
	f.Vendor = "acme"
	if err := b.lab.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

// over moves the time until a batch is over, and counts how its lines ended.
func (b *bench) over(t *testing.T, id string) (made Batch, good, wrong, missed int) {
	t.Helper()
	for range 24 * 12 {
		b.lab.Advance(5*time.Minute + time.Second)
		var failed *lab.Failure
		made, failed = b.Batches.Batch(id)
		sound(t, failed)
		if made.State(b.lab.Now()).Ended() {
			break
		}
	}
	results, failed := b.Batches.Results(id)
	sound(t, failed)
	seen := map[string]bool{}
	for _, r := range results {
		switch {
		case seen[r.ID]:
			t.Errorf("%s came twice", r.ID)
		case r.Missed:
			missed++
		case r.Failure != nil:
			wrong++
		case string(r.Body) != `"`+r.ID+`"`:
			t.Errorf("%s got the answer of another: %s", r.ID, r.Body)
		default:
			good++
		}
		seen[r.ID] = true
	}
	return made, good, wrong, missed
}

func (b *bench) calls() int64 {
	for _, p := range b.lab.Payments() {
		if p.Vendor == "acme" && p.Model == "small" {
			return p.Calls
		}
	}
	return 0
}

// What ends a batch, how many of its lines were answered, and that these alone are paid.
func TestBatchEndings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault               lab.Fault
		end                 BatchState
		good, wrong, missed int
	}{
		"as it should":  {lab.Fault{}, BatchCompleted, 1000, 0, 0},
		"with failures": {lab.Fault{Kind: lab.FaultFailLines, Share: 0.03, Status: 503}, BatchCompleted, 970, 30, 0},
		"late":          {lab.Fault{Kind: lab.FaultSlowCapacity}, BatchCompleted, 1000, 0, 0},
		"expired":       {lab.Fault{Kind: lab.FaultExpireBatch, Share: 0.25}, BatchExpired, 250, 0, 750},
		"refused":       {lab.Fault{Kind: lab.FaultFailBatch}, BatchFailed, 0, 0, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "")
			if c.fault.Kind != "" {
				b.fault(t, c.fault)
			}
			made, good, wrong, missed := b.over(t, b.order(t, 1000).ID)
			if made.State(b.lab.Now()) != c.end || good != c.good || wrong != c.wrong || missed != c.missed {
				t.Errorf("%s with %d answers, %d failures, %d missed, want %+v", made.State(b.lab.Now()), good, wrong, missed, c)
			}
			if made.Good != good || made.Wrong != wrong || b.calls() != int64(good) {
				t.Errorf("it counts %d and %d, and %d were paid", made.Good, made.Wrong, b.calls())
			}
		})
	}
}

func TestBatchIsCancelledHalfWay(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	made := b.order(t, 100)
	_, failed := b.Batches.Results(made.ID)
	refused(t, 409, failed)
	b.lab.Advance(batchChecking + batchQueued + batchRunning/2)
	_, failed = b.Batches.Cancel(made.ID)
	sound(t, failed)
	made, good, _, missed := b.over(t, made.ID)
	if made.State(b.lab.Now()) != BatchCancelled || good <= 50 || missed == 0 || b.calls() != int64(good) {
		t.Errorf("%s: %d answers, %d missed, %d paid", made.State(b.lab.Now()), good, missed, b.calls())
	}
	_, failed = b.Batches.Cancel(made.ID)
	refused(t, 409, failed)
	_, failed = b.Batches.Cancel("none")
	refused(t, 404, failed)
}

// Whatever is done to a batch and whenever it is looked at, it goes forward and ends
// once, and what is done stays done.
func TestBatchGoesForward(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := &Batch{Created: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Lines: 40, Most: 40, Ending: BatchCompleted}
		b.Started = b.Created.Add(batchChecking + batchQueued)
		b.Answered = b.Started.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "running")) * time.Minute)
		b.Ends = b.Answered.Add(batchFinalizing)
		now, done := b.Created, 0
		for !b.State(now).Ended() {
			if b.Cancelled.IsZero() && rapid.IntRange(0, 9).Draw(t, "cancel") == 0 {
				b.Cancelled = now
			}
			if b.Done(now) < done {
				t.Fatalf("%d lines were done, then %d", done, b.Done(now))
			}
			done, now = b.Done(now), now.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "step"))*time.Second)
		}
		last, later := b.State(now), now.Add(1000*time.Hour)
		if b.State(later) != last || b.Done(later) != b.Done(now) {
			t.Fatalf("it ended as %s with %d, then as %s with %d", last, b.Done(now), b.State(later), b.Done(later))
		}
		if last == BatchCompleted && b.Done(now) != b.Lines {
			t.Fatalf("it completed with %d of %d lines", b.Done(now), b.Lines)
		}
	})
}
