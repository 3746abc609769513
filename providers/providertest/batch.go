package providertest

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
)

// fewLines is how many lines a batch of the suite has where the vendor asks for no more.
const fewLines = 10

// window is within which the suite wants its answers.
const window = 24 * time.Hour

func (r *rig) batcher(t *testing.T) providers.Batcher {
	t.Helper()
	batches, ok := r.driver.(providers.Batches)
	if !ok {
		t.Fatal("the driver takes no batches")
	}
	return batches.Batcher()
}

// lab is the lab in which the emulator stands.
func (r *rig) lab(t *testing.T) *lab.Lab {
	t.Helper()
	emulator, ok := r.emulator.(lab.Emulator)
	if !ok {
		t.Fatal("the emulator is not one that Serve made")
	}
	return emulator.Lab
}

func (r *rig) script(t *testing.T, f lab.Fault) {
	t.Helper()
	once := 1
	f.Vendor, f.Times = "*", &once
	if err := r.lab(t).AddFault(f); err != nil {
		t.Fatal(err)
	}
}

// answersPaid is how many answers the emulator has billed.
func (r *rig) answersPaid(t *testing.T) (calls int64) {
	t.Helper()
	for _, p := range r.lab(t).Payments() {
		calls += p.Calls
	}
	return calls
}

// batchSpec is an order of as few lines as the vendor takes, but at least a few.
func (r *rig) batchSpec(t *testing.T, name string) providers.BatchSpec {
	t.Helper()
	limits, err := r.batcher(t).Batchable(t.Context(), r.harness.Batch)
	if err != nil {
		t.Fatal(err)
	}
	return r.specOf(name, max(fewLines, limits.MinLines), func(int, *providers.Request) {})
}

// specOf is an order of n lines, each of which change may change.
func (r *rig) specOf(name string, n int, change func(int, *providers.Request)) providers.BatchSpec {
	return providers.BatchSpec{
		Name: name, Model: r.harness.Batch, Lines: n, Window: window,
		Requests: iter.Seq2[providers.BatchLine, error](func(yield func(providers.BatchLine, error) bool) {
			for i := range n {
				request := r.request(fmt.Sprintf("%s (%d)", question, i))
				request.Model = r.harness.Batch
				change(i, request)
				if !yield(providers.BatchLine{ID: lineID(i), Request: request}, nil) {
					return
				}
			}
		}),
	}
}

func lineID(i int) string { return fmt.Sprintf("Line_%d-x", i) }

func (r *rig) submit(t *testing.T, spec providers.BatchSpec) providers.Batch {
	t.Helper()
	made, err := r.batcher(t).Submit(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID == "" || made.Name != spec.Name || made.State.Over() || made.Created.IsZero() || len(made.Handle) == 0 {
		t.Errorf("submitted %+v", made)
	}
	return made
}

// over polls until a batch is over.
func (r *rig) over(t *testing.T, made providers.Batch) providers.Batch {
	t.Helper()
	for range 6 * 60 {
		now, err := r.batcher(t).Poll(t.Context(), made.Handle)
		if err != nil {
			t.Fatal(err)
		}
		if now.ID != made.ID || now.Name != made.Name || now.Status == "" {
			t.Fatalf("%+v is another batch than %+v", now, made)
		}
		if now.State.Over() {
			if now.Ended.Before(now.Created) {
				t.Errorf("it was made %v and ended %v", now.Created, now.Ended)
			}
			return now
		}
		made.Handle = now.Handle
		r.advance(5 * time.Minute)
	}
	t.Fatal("the batch is never over")
	return providers.Batch{}
}

// outcome is what came of a batch's lines.
type outcome struct {
	replies map[string]*providers.Reply
	failed  map[string]*providers.Error
}

func (r *rig) outcome(t *testing.T, handle providers.Handle) outcome {
	t.Helper()
	got := outcome{map[string]*providers.Reply{}, map[string]*providers.Error{}}
	err := r.batcher(t).Results(t.Context(), handle, func(answer providers.BatchAnswer) error {
		if got.replies[answer.ID] != nil || got.failed[answer.ID] != nil {
			t.Errorf("%s is answered twice", answer.ID)
		}
		if (answer.Reply == nil) == (answer.Err == nil) {
			t.Errorf("%s has reply %v and error %v", answer.ID, answer.Reply, answer.Err)
		}
		if answer.Err != nil {
			got.failed[answer.ID] = answer.Err
			return nil
		}
		got.replies[answer.ID] = answer.Reply
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// check demands replies that are whole, and failures that are told as live ones are.
func (o outcome) check(t *testing.T, replies int) {
	t.Helper()
	if len(o.replies) != replies {
		t.Errorf("%d replies, want %d", len(o.replies), replies)
	}
	for id, reply := range o.replies {
		if reply.Content == "" || reply.Usage.Missing || reply.Usage.Input <= 0 || reply.Usage.Output <= 0 ||
			reply.Finish == "" || !strings.HasPrefix(id, "Line_") || !strings.Contains(string(reply.Body), `"choices"`) {
			t.Errorf("%s: %+v", id, *reply)
		}
	}
	for id, err := range o.failed {
		if err.Kind == "" || err.Charge != providers.ChargeNone || err.Provider == "" {
			t.Errorf("%s: %+v", id, *err)
		}
	}
}

// batch is ordered, polled and fetched; each answer is that of its line, and each is paid once.
func (h Harness) batch(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	limits, err := batcher.Batchable(t.Context(), h.Batch)
	if err != nil || limits.MaxLines < 100 || limits.MaxBytes < 0 || limits.Window <= 0 {
		t.Fatalf("limits %+v, %v", limits, err)
	}
	spec := r.batchSpec(t, "dl-batch-1")
	made := r.submit(t, spec)
	ended := r.over(t, made)
	if ended.State != providers.BatchEnded || ended.Lines != 0 && (ended.Lines != spec.Lines || ended.Done != spec.Lines) {
		t.Errorf("ended %+v", ended)
	}
	got := r.outcome(t, ended.Handle)
	got.check(t, spec.Lines)
	for i := range spec.Lines {
		if got.replies[lineID(i)] == nil {
			t.Errorf("%s has no reply", lineID(i))
		}
	}
	if paid := r.answersPaid(t); paid != int64(spec.Lines) {
		t.Errorf("%d answers are paid, want %d", paid, spec.Lines)
	}
	stop := errors.New("the reader is gone")
	if err := batcher.Results(t.Context(), ended.Handle, func(providers.BatchAnswer) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the reader stopped: got %v", err)
	}
	_, err = batcher.Batchable(t.Context(), "nobody/no-such-model")
	wantKind(t, "a model that is none", err, providers.KindModelGone)
}

// nth loses the answer to the nth request that it sees; seen counts them.
func nth(n int64, seen *atomic.Int64) fault {
	return lost(func(*http.Request) bool { return seen.Add(1) == n })
}

// batchLost loses each answer of a submission in turn: what was made is found, what
// was not is submitted again, and no line is answered twice.
func (h Harness) batchLost(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	paid := 0
	for n := int64(1); ; n++ {
		if n > 20 {
			t.Fatal("a submission has more than 20 requests")
		}
		spec := r.batchSpec(t, fmt.Sprintf("dl-lost-%d", n))
		var seen atomic.Int64
		var made providers.Batch
		var err error
		r.during(nth(n, &seen), func() { made, err = batcher.Submit(t.Context(), spec) })
		if err != nil {
			asError(t, err)
			found, ok, findErr := batcher.Find(t.Context(), spec, time.Time{})
			if providers.KindOf(findErr) == providers.KindUnsupported {
				return
			}
			if findErr != nil {
				t.Fatal(findErr)
			}
			made = found
			if !ok {
				made = r.submit(t, spec)
			}
		}
		ended := r.over(t, made)
		r.outcome(t, ended.Handle).check(t, spec.Lines)
		paid += spec.Lines
		if got := r.answersPaid(t); got != int64(paid) {
			t.Fatalf("request %d was lost: %d answers are paid, want %d", n, got, paid)
		}
		if seen.Load() < n { // the whole submission has passed
			r.finds(t, spec, ended)
			return
		}
	}
}

// finds looks for a batch in the ways that must and must not find it.
func (r *rig) finds(t *testing.T, spec providers.BatchSpec, made providers.Batch) {
	t.Helper()
	batcher := r.batcher(t)
	if found, ok, err := batcher.Find(t.Context(), spec, made.Created); err != nil || !ok || found.ID != made.ID {
		t.Errorf("found %v %+v, %v", ok, found, err)
	}
	if _, ok, err := batcher.Find(t.Context(), spec, made.Created.Add(time.Hour)); ok || err != nil {
		t.Errorf("an older batch was adopted (%v)", err)
	}
	other := spec
	other.Name = "dl-other"
	if _, ok, err := batcher.Find(t.Context(), other, time.Time{}); ok || err != nil {
		t.Errorf("another's batch was adopted (%v)", err)
	}
}
