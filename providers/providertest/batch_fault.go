package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
)

// batchLinesFailed fails a share of the lines: the others are answered.
func (h Harness) batchLinesFailed(t *testing.T) {
	r := h.rig(t)
	spec := r.batchSpec(t, "dl-lines-1")
	r.script(t, lab.Fault{Kind: lab.FaultFailLines, Share: 0.3, Status: http.StatusServiceUnavailable})
	ended := r.over(t, r.submit(t, spec))
	wrong := spec.Lines * 3 / 10
	if ended.State != providers.BatchEnded || ended.Lines != 0 && (ended.Done != spec.Lines-wrong || ended.Failed != wrong) {
		t.Errorf("ended %+v", ended)
	}
	got := r.outcome(t, ended.Handle)
	got.check(t, spec.Lines-wrong)
	if len(got.failed) != wrong {
		t.Errorf("%d lines failed, want %d", len(got.failed), wrong)
	}
	for id, err := range got.failed {
		if !err.Kind.Retryable() {
			t.Errorf("%s: %v can not be tried again", id, err)
		}
	}
}

// batchFailed has the vendor refuse the batch when it checks it.
func (h Harness) batchFailed(t *testing.T) {
	r := h.rig(t)
	spec := r.batchSpec(t, "dl-failed-1")
	r.script(t, lab.Fault{Kind: lab.FaultFailBatch, Message: "Enqueued token limit reached."})
	ended := r.over(t, r.submit(t, spec))
	if ended.State != providers.BatchFailed || !strings.Contains(ended.Reason, "token limit") {
		t.Errorf("ended %+v", ended)
	}
	r.outcome(t, ended.Handle).check(t, 0)
	if paid := r.answersPaid(t); paid != 0 {
		t.Errorf("%d answers are paid", paid)
	}
}

// batchExpired has the window pass: what was answered before is there, and paid.
func (h Harness) batchExpired(t *testing.T) {
	r := h.rig(t)
	spec := r.batchSpec(t, "dl-expired-1")
	r.script(t, lab.Fault{Kind: lab.FaultExpireBatch, Share: 0.4})
	ended := r.over(t, r.submit(t, spec))
	if ended.State != providers.BatchExpired {
		t.Errorf("ended %+v", ended)
	}
	r.outcome(t, ended.Handle).check(t, spec.Lines*4/10)
	if paid := r.answersPaid(t); paid != int64(spec.Lines*4/10) {
		t.Errorf("%d answers are paid", paid)
	}
}

// batchCancelled cancels a batch that is under way: what was answered is there, and paid.
func (h Harness) batchCancelled(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	spec := r.batchSpec(t, "dl-cancelled-1")
	made := r.submit(t, spec)
	r.advance(4*time.Minute + 30*time.Second)
	now, err := batcher.Cancel(t.Context(), made.Handle)
	if providers.KindOf(err) == providers.KindUnsupported {
		return
	}
	if err != nil || now.ID != made.ID {
		t.Fatalf("cancelled %+v, %v", now, err)
	}
	ended := r.over(t, made)
	got := r.outcome(t, ended.Handle)
	got.check(t, len(got.replies))
	if ended.State != providers.BatchCancelled || len(got.replies) == 0 || len(got.replies) >= spec.Lines {
		t.Errorf("ended %+v with %d replies", ended, len(got.replies))
	}
	if paid := r.answersPaid(t); paid != int64(len(got.replies)) {
		t.Errorf("%d answers are paid, and %d are there", paid, len(got.replies))
	}
	if _, err := batcher.Cancel(t.Context(), ended.Handle); err != nil {
		t.Errorf("it is over: %v", err)
	}
}

// batchLeftOut has a line that the vendor has no words for: the others are answered.
func (h Harness) batchLeftOut(t *testing.T) {
	r := h.rig(t)
	n := r.batchSpec(t, "").Lines + 1
	for _, spoil := range h.Lacks {
		spec := r.specOf("dl-left-out-1", n, func(i int, request *providers.Request) {
			if i == 0 {
				spoil(request)
			}
		})
		got := r.outcome(t, r.over(t, r.submit(t, spec)).Handle)
		got.check(t, n-1)
		if got.replies[lineID(0)] != nil {
			t.Error("the line was sent without what it asks for")
		}
		all := r.specOf("dl-left-out-2", n, func(_ int, request *providers.Request) { spoil(request) })
		_, err := r.batcher(t).Submit(t.Context(), all)
		wantKind(t, "no line is left", err, providers.KindUnsupported)
		break // one parameter says it
	}
	broken := r.specOf("dl-left-out-3", n, func(int, *providers.Request) {})
	cause := errors.New("the lines can not be read")
	broken.Requests = func(yield func(providers.BatchLine, error) bool) { yield(providers.BatchLine{}, cause) }
	if _, err := r.batcher(t).Submit(t.Context(), broken); !errors.Is(err, cause) {
		t.Errorf("lines that can not be read: %v", err)
	}
}

// batchHandle refuses handles that Submit never gave.
func (h Harness) batchHandle(t *testing.T) {
	r := h.rig(t)
	for _, handle := range []string{``, `{}`, `"x"`, `[1]`} {
		_, err := r.batcher(t).Poll(t.Context(), providers.Handle(handle))
		wantKind(t, "poll "+handle, err, providers.KindInvalid)
	}
}

// batchErrors has every call of a batch meet a failing vendor: each tells the kind, none the key.
func (h Harness) batchErrors(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	spec := r.batchSpec(t, "dl-errors-1")
	made := r.submit(t, spec)
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	calls := map[string]func(context.Context) error{
		"submit": func(ctx context.Context) error { _, err := batcher.Submit(ctx, spec); return err },
		"find":   func(ctx context.Context) error { _, _, err := batcher.Find(ctx, spec, time.Time{}); return err },
		"poll":   func(ctx context.Context) error { _, err := batcher.Poll(ctx, made.Handle); return err },
		"cancel": func(ctx context.Context) error { _, err := batcher.Cancel(ctx, made.Handle); return err },
		"results": func(ctx context.Context) error {
			return batcher.Results(ctx, made.Handle, func(providers.BatchAnswer) error { return nil })
		},
	}
	for name, call := range calls {
		if err := call(t.Context()); providers.KindOf(err) == providers.KindUnsupported {
			continue
		}
		for status, kind := range map[int]providers.Kind{
			401: providers.KindAuth, 403: providers.KindPermission, 429: providers.KindRateLimit, 500: providers.KindServer,
		} {
			body := fmt.Sprintf(`{"error":{"message":"words %s"}}`, Key)
			r.during(answering(status, nil, body), func() {
				err := call(t.Context())
				wantKind(t, fmt.Sprint(name, " ", status), err, kind)
				if err != nil && strings.Contains(fmt.Sprintf("%+v", err), Key) {
					t.Errorf("%s %d shows the key: %v", name, status, err)
				}
			})
		}
		if kind := asError(t, call(late)).Kind; kind != providers.KindTimeout {
			t.Errorf("%s too late: %s", name, kind)
		}
	}
}

// batchDeleted deletes what a vendor keeps of a batch, whichever of its answers is lost meanwhile: then nothing of it
// is there any more, and it can be repeated.
func (h Harness) batchDeleted(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	spec := r.batchSpec(t, "dl-deleted-1")
	made := r.over(t, r.submit(t, spec))
	if _, _, err := batcher.Find(t.Context(), spec, time.Time{}); providers.KindOf(err) == providers.KindUnsupported {
		if err := batcher.Delete(t.Context(), made.Handle); err != nil { // it keeps nothing
			t.Error(err)
		}
		return
	}
	var deleted sync.Map
	count := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
		if req.Method == http.MethodDelete {
			deleted.Store(req.URL.Path, true)
		}
		return false
	}
	for n := int64(1); ; n++ {
		var seen atomic.Int64
		var err error
		r.during(nth(n, &seen), func() { err = batcher.Delete(t.Context(), made.Handle) })
		if seen.Load() < n {
			break
		}
		if err != nil { // the client may have asked again by itself
			asError(t, err)
		}
	}
	for range 2 {
		r.during(count, func() {
			if err := batcher.Delete(t.Context(), made.Handle); err != nil {
				t.Error(err)
			}
		})
	}
	answers := 0
	err := batcher.Results(t.Context(), made.Handle, func(providers.BatchAnswer) error { answers++; return nil })
	if answers > 0 {
		t.Errorf("%d answers are still there (%v)", answers, err)
	}
	deleted.Clear()
	other := r.over(t, r.submit(t, r.batchSpec(t, "dl-deleted-2")))
	r.during(count, func() { err = batcher.Delete(t.Context(), other.Handle) })
	files := 0
	deleted.Range(func(any, any) bool { files++; return true })
	if err != nil || files < 2 {
		t.Errorf("%d files were deleted, and there are those of requests and of answers: %v", files, err)
	}
}

// batchDeclined has each request of a submission declined in turn: an order that the vendor declines leaves no file.
func (h Harness) batchDeclined(t *testing.T) {
	r := h.rig(t)
	batcher := r.batcher(t)
	if _, _, err := batcher.Find(t.Context(), r.batchSpec(t, "dl-declined-0"), time.Time{}); providers.KindOf(err) == providers.KindUnsupported {
		return // it keeps no files
	}
	var deleted atomic.Int64
	for n := int64(1); ; n++ {
		spec := r.batchSpec(t, fmt.Sprintf("dl-declined-%d", n))
		var seen atomic.Int64
		decline := func(w http.ResponseWriter, req *http.Request, _ http.Handler) bool {
			if req.Method == http.MethodDelete {
				deleted.Add(1)
				return false
			}
			if seen.Add(1) != n {
				return false
			}
			w.WriteHeader(http.StatusBadRequest)
			return true
		}
		var err error
		r.during(decline, func() { _, err = batcher.Submit(t.Context(), spec) })
		if seen.Load() < n {
			break
		}
		asError(t, err)
	}
	if deleted.Load() == 0 {
		t.Error("the file of requests stays though the order was declined")
	}
}
