package batch_test

import (
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/batch"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
	rows "dreamlab/store/batch"
	"dreamlab/store/job"
)

// ask is the model that Groq takes batches of.
const ask = "groq/openai/gpt-oss-20b"

// A file that is wrong ends its batch, which says what is wrong and in which line; nothing is paid.
func TestBatchOfAWrongFile(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	b := start(t, h, nil)
	good := request("a", ask, "hello")
	for name, c := range map[string]struct{ content, code, line string }{
		"no JSON":   {good + "oops\n", "invalid_json_line", `"line":2`},
		"twice":     {good + "\n" + good, "duplicate_custom_id", `"line":3`},
		"method":    {strings.Replace(good, "POST", "GET", 1), "invalid_method", `"line":1`},
		"url":       {strings.Replace(good, "/v1/chat/completions", "/v1/x", 1), "url_mismatch", `"line":1`},
		"model":     {good + request("b", "groq/other", "hello"), "model_mismatch", `"line":2`},
		"parameter": {strings.Replace(good, `"max_tokens":40`, `"max_tokens":"x"`, 1), "invalid_request", "max_tokens"},
		"empty":     {"\n", "empty_file", "JSONL"},
	} {
		row := b.end(t, b.begin(t, c.content))
		if row.Status != rows.Failed || !strings.Contains(string(row.Faults), c.code) || !strings.Contains(string(row.Faults), c.line) {
			t.Errorf("%s: %s %s", name, row.Status, row.Faults)
		}
	}
	if calls, _ := b.Paid(); calls != 0 {
		t.Errorf("%d answers are paid", calls)
	}
}

// A batch that no vendor takes is asked for live, in the off-peak window.
func TestBatchByTheQueue(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	looks := 0
	b := start(t, h, func(d *all.Deps) {
		d.Vendors = &crasher{Router: h.Router}
		d.Batch.Quiet = func(time.Time) time.Duration {
			looks++
			return max(time.Hour*time.Duration(3-looks), 0)
		}
	})
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 500, Method: "GET", Route: "/models"}, 0)
	row := b.end(t, b.begin(t, requests(40, ask)))
	calls, nano := b.Paid()
	if row.Status != rows.Completed || row.Completed != 40 || calls != 40 || row.Live != nano || looks < 3 {
		t.Errorf("ended %+v with %d calls at %d, after %d looks", row, calls, nano, looks)
	}
}

// Lines that fail for good are in the file of errors, with the error of a live call.
func TestBatchWithLinesThatFail(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	b := start(t, h, nil)
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultFailLines, Share: 0.1, Status: 400, Message: "no such thing"}, 1)
	row := b.end(t, b.begin(t, requests(50, ask)))
	failed := b.file(t, row.Errors)
	if row.Status != rows.Completed || row.Completed != 45 || row.Failed != 5 || len(failed) != 5 {
		t.Errorf("ended %+v with %d errors", row, len(failed))
	}
	for id, line := range failed {
		if !strings.Contains(string(line), `"status_code":400`) || !strings.Contains(string(line), "no such thing") {
			t.Errorf("%s: %s", id, line)
		}
	}
	_, paid, open := b.spent(t, row)
	if paid != 45 || open != 0 {
		t.Errorf("%d are paid, %d open", paid, open)
	}
}

// A batch that is cancelled keeps what was answered, which is paid, and says so of the rest.
func TestBatchCancelled(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, h *handlertest.Bench) {
		s := newStepped(t, h, requests(200, ask))
		s.cancelAt(t, 4)
		row := s.toEnd(t)
		calls, nano := h.Paid()
		settled, paid, open := (&bench{Bench: h}).spent(t, row)
		if row.Status != rows.Cancelled || row.Completed == 0 || row.Completed >= 200 || calls != int64(row.Completed) ||
			paid != row.Completed || open != 0 || settled != nano {
			t.Errorf("ended %+v: %d billed at %d, %d paid at %d, %d open", row, calls, nano, paid, settled, open)
		}
		rest := (&bench{Bench: h}).file(t, row.Errors)
		if len(rest) != 200-row.Completed || !strings.Contains(string(rest["ask 199"])+string(rest["ask 198"]), "batch_cancelled") {
			t.Errorf("%d lines have no answer", len(rest))
		}
	})
}

// cancelAt takes the batch through some wakes, and then asks for its end.
func (s *stepped) cancelAt(t *testing.T, wakes int) {
	t.Helper()
	for range wakes {
		end, err := s.do(t.Context(), s.run)
		if err != nil {
			t.Fatal(err)
		}
		s.Finish(t, s.run, end)
		s.again(t)
	}
	if open, err := s.Store.CancelBatch(t.Context(), s.Tenant, s.row.ID); err != nil || !open {
		t.Fatalf("cancelled %v, %v", open, err)
	}
}

// What an order has not answered when the time is nearly over is asked for live.
func TestLateLinesAreAskedLive(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	s := newStepped(t, h, requests(100, ask))
	h.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultSlowCapacity}, 0)
	for wakes := 0; ; wakes++ {
		end, err := s.do(t.Context(), s.run)
		if err != nil || wakes > 50 {
			t.Fatal(wakes, err)
		}
		if len(end.Children) > 0 {
			lines := 0
			for range end.Children {
				lines += 16
			}
			if lines < 100 {
				t.Errorf("%d jobs ask for what is left", len(end.Children))
			}
			break
		}
		s.Finish(t, s.run, end)
		if wakes < 11 { // the vendor's clock stands nearly still
			s.now = s.now.Add(2 * time.Hour)
		}
		s.again(t)
	}
	if calls, _ := h.Paid(); calls != 0 {
		t.Errorf("%d answers were paid in the order", calls)
	}
}

// An order whose job was cancelled is ended at the vendor, and its bill is booked.
func TestAbandonedBatch(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	h.Lab.SetSpeed(0) // an order goes on when the test says so
	b := start(t, h, nil)
	row := b.begin(t, requests(60, ask))
	b.until(t, row, `"poll"`)
	b.Lab.Advance(4 * time.Minute)
	if _, err := b.engine.Cancel(t.Context(), b.Tenant, row.Job); err != nil {
		t.Fatal(err)
	}
	if ended, err := b.engine.Wait(t.Context(), b.Tenant, row.Job, patience); err != nil || ended.State != job.StateCancelled {
		t.Fatalf("the job is %s, %v", ended.State, err)
	}
	reaper := &batch.Reaper{Store: b.Store, Accept: b.engine.Accept, Vendors: b.Router}
	if err := reaper.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until(t, row, `"stopping":true`)
	b.Lab.SetSpeed(3600)
	adopted, err := b.Store.Batch(t.Context(), b.Tenant, row.ID)
	if err != nil || adopted.Job == row.Job {
		t.Fatalf("adopted %+v, %v", adopted, err)
	}
	ended := b.end(t, adopted)
	calls, _ := b.Paid()
	if ended.Status != rows.Cancelled || calls == 0 || ended.Completed != int(calls) {
		t.Errorf("ended %+v with %d billed", ended, calls)
	}
	if _, _, open := b.spent(t, row); open != 0 {
		t.Errorf("%d lines of spend are open", open)
	}
}

// What a vendor keeps of an order is deleted once its answers are stored: a vendor that fails meanwhile is asked again
// later, and keeps nobody waiting.
func TestFilesAtTheVendorAreDeleted(t *testing.T) {
	t.Parallel()
	h := handlertest.New(t)
	b := start(t, h, nil)
	ended := b.end(t, b.begin(t, requests(20, ask)))
	files, err := b.Store.DueFiles(t.Context(), 10)
	if err != nil || len(files) != 1 || ended.Completed != 20 {
		t.Fatalf("%+v are to be deleted, %v; the batch ended %+v", files, err, ended)
	}
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 500, Method: "DELETE"}, 1)
	reaper := &batch.Reaper{Store: b.Store, Accept: b.engine.Accept, Vendors: b.Router}
	if err := reaper.Reap(t.Context()); err == nil {
		t.Error("nobody is told that the vendor failed")
	}
	if due, err := b.Store.DueFiles(t.Context(), 10); err != nil || len(due) > 0 {
		t.Errorf("it is to be tried again at once: %+v, %v", due, err)
	}
	if _, err := b.Store.Driver().Exec(t.Context(), `UPDATE batch_files SET due = 0`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := reaper.Reap(t.Context()); err != nil {
			t.Error(err)
		}
	}
	batcher, err := b.Router.Batcher("groq")
	if err != nil {
		t.Fatal(err)
	}
	err = batcher.Results(t.Context(), files[0].Handle, func(providers.BatchAnswer) error {
		t.Error("an answer is still there")
		return nil
	})
	if err == nil {
		t.Error("the file of answers is still there")
	}
}
