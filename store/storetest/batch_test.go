package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

func TestBatch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		job := running(t, s, "ten_1", "batch_1")
		b := batch.Batch{
			ID: "batch_1", Tenant: "ten_1", Job: job.ID, File: "file-1", Endpoint: "/v1/chat/completions",
			Window: 24 * time.Hour, Status: batch.Validating, Spec: []byte(`{"phase":"read"}`), Metadata: []byte(`{"a":"b"}`),
		}
		must(t, s.AddBatch(t.Context(), b))
		want(t, s.AddBatch(t.Context(), b), db.ErrConflict)
		b.Status, b.Total, b.Completed, b.Live, b.Output = batch.InProgress, 3, 2, 1<<50, "file-2"
		must(t, s.SetBatch(t.Context(), b))
		got, err := s.Batch(t.Context(), "ten_1", "batch_1")
		must(t, err)
		recent(t, got.Started)
		if got.Window != b.Window || got.Live != 1<<50 || got.Output != "file-2" || string(got.Metadata) != `{"a":"b"}` ||
			got.Faults != nil || !got.Finished.IsZero() || got.Shown() != batch.InProgress {
			t.Errorf("got %+v", got)
		}
		open, err := s.CancelBatch(t.Context(), "ten_1", "batch_1")
		must(t, err)
		got, err = s.Batch(t.Context(), "ten_1", "batch_1")
		must(t, err)
		if !open || got.Shown() != batch.Cancelling {
			t.Errorf("cancelled %v: %+v", open, got)
		}
		listed(t, []string{"batch_1"}, func(b batch.Batch) string { return b.ID },
			func(p db.Page) ([]batch.Batch, bool, error) { return s.Batches(t.Context(), "ten_1", db.Filter{}, p) })
		finish(t, s, job)
		left, err := s.AbandonedBatches(t.Context(), 10)
		must(t, err)
		if len(left) != 1 || left[0].ID != "batch_1" {
			t.Errorf("%d batches are abandoned", len(left))
		}
		must(t, s.AdoptBatch(t.Context(), "batch_1", "job_other"))
		want(t, s.SetBatch(t.Context(), batch.Batch{ID: "batch_2"}), db.ErrNotFound)
	})
}

func TestBatchLines(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var lines []batch.Line
		for n := 1; n <= 30; n++ {
			lines = append(lines, batch.Line{
				Batch: "batch_1", Number: n, CustomID: fmt.Sprint("a", n), Purpose: "chat", Request: []byte(`{"n":1}`),
			})
		}
		must(t, s.AddLines(t.Context(), lines))
		must(t, s.AddLines(t.Context(), lines[:7])) // they stay as they are
		read := func(state batch.LineState, after, limit int) []batch.Line {
			found, err := s.Lines(t.Context(), "batch_1", state, after, limit)
			must(t, err)
			return found
		}
		if found := read(batch.LineWaiting, 20, 5); len(found) != 5 || found[0].Number != 21 || found[0].CustomID != "a21" {
			t.Errorf("found %+v", found)
		}
		sent := read(batch.LineWaiting, 0, 10)
		for i := range sent {
			sent[i].State, sent[i].Entry, sent[i].Tries = batch.LineSent, fmt.Sprint("ent_", i), 1
		}
		must(t, s.MoveLines(t.Context(), batch.LineWaiting, sent))
		want(t, s.MoveLines(t.Context(), batch.LineWaiting, sent), db.ErrConflict)
		sent[0].State, sent[0].Status, sent[0].Response = batch.LineAnswered, 200, []byte(`{"x":"y"}`)
		must(t, s.MoveLines(t.Context(), batch.LineSent, sent[:1]))
		counts, err := s.LineCounts(t.Context(), "batch_1")
		must(t, err)
		if counts[batch.LineWaiting] != 20 || counts[batch.LineSent] != 9 || counts[batch.LineAnswered] != 1 {
			t.Errorf("counts %v", counts)
		}
		if all := read("", 0, 1); string(all[0].Response) != `{"x":"y"}` || all[0].Status != 200 || all[0].Entry != "ent_0" {
			t.Errorf("got %+v", all)
		}
		parts := []batch.Part{{Step: "exp_2/judge/1", Hash: "h2", Size: 7}, {Step: "exp_3/judge/1", Hash: "h3", Size: 8}}
		must(t, s.AddLines(t.Context(), []batch.Line{
			{Batch: "batch_2", Number: 1, Job: "job_1", Step: "exp_1/replay", Request: []byte(`{}`)},
			{Batch: "batch_2", Number: 2, Job: "job_1", Request: []byte(`{}`), Parts: parts},
		}))
		alone, shared, err := s.StepsOrdered(t.Context(), "job_1")
		must(t, err)
		if len(alone) != 1 || !alone["exp_1/replay"] || len(shared) != 2 || !shared["exp_3/judge/1"] {
			t.Errorf("steps %v were ordered, and %v together", alone, shared)
		}
		both, err := s.Lines(t.Context(), "batch_2", batch.LineWaiting, 0, 10)
		must(t, err)
		if len(both) != 2 || both[0].Parts != nil || !slices.Equal(both[1].Parts, parts) {
			t.Errorf("got %+v", both)
		}
		must(t, s.DropSteps(t.Context(), "job_1"))
		must(t, s.DropLines(t.Context(), "batch_1"))
		if left := read("", 0, 100); len(left) != 0 {
			t.Errorf("%d lines are left", len(left))
		}
	})
}

// TestBatchFiles keeps what is to be deleted at vendors until it is, and lets wait what could not be.
func TestBatchFiles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"dl-1-1", "dl-1-2", "dl-1-1"} { // noted twice it is one
			must(t, s.AddFiles(t.Context(), batch.Files{Name: name, Root: "job_1", Provider: "groq", Handle: []byte(`{"id":"x"}`)}))
		}
		must(t, s.RetryFiles(t.Context(), "dl-1-2", time.Minute))
		due, err := s.DueFiles(t.Context(), 10)
		must(t, err)
		if len(due) != 1 || due[0].Name != "dl-1-1" || due[0].Root != "job_1" || due[0].Provider != "groq" ||
			string(due[0].Handle) != `{"id":"x"}` || due[0].Created.IsZero() {
			t.Errorf("due are %+v", due)
		}
		must(t, s.DropFiles(t.Context(), "dl-1-1"))
		if got := ask(t, s.Driver(), "SELECT name FROM batch_files WHERE tries = 1"); len(got) != 1 || got[0] != "dl-1-2" {
			t.Errorf("left is %v", got)
		}
	})
}
