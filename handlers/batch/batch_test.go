package batch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
	"dreamlab/tasks/lines"

	"context"

	"dreamlab/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a job is waited for: many times what it takes on a machine that does nothing else.
const patience = 5 * time.Minute

// bench is a running engine with a client's batches.
type bench struct {
	*handlertest.Bench
	engine *engine.Engine
}

func start(t *testing.T, b *handlertest.Bench, change func(*all.Deps)) *bench {
	t.Helper()
	e := b.Start(t, func(d *all.Deps) {
		d.Batch.PollEvery = 5 * time.Millisecond
		if change != nil {
			change(d)
		}
	})
	return &bench{b, e}
}

// request is a line of a client's file.
func request(id, model, text string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions",`+
		`"body":{"model":%q,"max_tokens":40,"messages":[{"role":"user","content":%q}]}}`+"\n", id, model, text)
}

func requests(n int, model string) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(request(fmt.Sprint("ask ", i), model, fmt.Sprintf("What are your opening hours on day %d?", i)))
	}
	return out.String()
}

// begin makes a batch of a file.
func (b *bench) begin(t *testing.T, content string) batch.Batch {
	t.Helper()
	file := learn.File{ID: db.NewID("file-"), Tenant: b.Tenant, Filename: "a.jsonl", Purpose: "batch", SHA256: "x"}
	file.Object = blob.FileObject(file.ID)
	b.Put(t, file.Object, []byte(content))
	if _, err := b.Store.AddFile(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	row := batch.Batch{
		ID: db.NewID("batch_"), Tenant: b.Tenant, File: file.ID, Endpoint: lines.Endpoint, Window: 24 * time.Hour,
		Status: batch.Validating, Spec: plainjson.Of(batch.Spec{}),
	}
	own := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.Tenant, Kind: string(tasks.BatchRun), Subject: row.ID,
		Input: plainjson.Of(lines.BatchInput{Batch: row.ID}),
	}
	row.Job = own.ID
	_, _, err := b.engine.Accept(t.Context(), own, func(ctx context.Context, q *store.Queries) error {
		return q.AddBatch(ctx, row)
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// until waits for a batch's job to keep a text in its spec.
func (b *bench) until(t *testing.T, row batch.Batch, text string) {
	t.Helper()
	for seen := row; !strings.Contains(string(seen.Spec), text); {
		var err error
		if seen, err = b.Store.Batch(t.Context(), b.Tenant, row.ID); err != nil || seen.Ended() {
			t.Fatalf("%+v, %v", seen, err)
		}
	}
}

// end waits for the end of a batch, while the vendors' clock goes on.
func (b *bench) end(t *testing.T, row batch.Batch) batch.Batch {
	t.Helper()
	ended, err := b.engine.Wait(t.Context(), b.Tenant, row.Job, patience)
	if err != nil {
		t.Fatal(err)
	}
	if ended.State != job.StateSucceeded {
		t.Fatalf("the job is %s: %v", ended.State, ended.Error)
	}
	row, err = b.Store.Batch(t.Context(), b.Tenant, row.ID)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// file reads a file of answers, by the lines' ids.
func (b *bench) file(t *testing.T, id string) map[string]json.RawMessage {
	t.Helper()
	found := map[string]json.RawMessage{}
	if id == "" {
		return found
	}
	f, err := b.Store.File(t.Context(), b.Tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	object, err := b.Bucket.Open(t.Context(), f.Object)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(object)
	if err != nil || object.Close() != nil || int64(len(content)) != f.Bytes {
		t.Fatalf("read %d bytes of %d: %v", len(content), f.Bytes, err)
	}
	for line := range bytes.Lines(content) {
		var came struct {
			ID string `json:"custom_id"`
		}
		if err := json.Unmarshal(line, &came); err != nil || found[came.ID] != nil {
			t.Fatalf("a line that is none, or one twice: %s", line)
		}
		found[came.ID] = json.RawMessage(line)
	}
	return found
}

// spent sums what the books hold of a batch, and counts its open lines of spend.
func (b *bench) spent(t *testing.T, row batch.Batch) (settled int64, paid, open int) {
	t.Helper()
	for _, e := range b.Entries(t, row.Job) {
		switch e.State {
		case book.EntrySettled:
			if e.Tier != "batch" || e.Priced.IsZero() {
				t.Errorf("a line is in tier %q at the price of %v", e.Tier, e.Priced)
			}
			settled += e.Settled
			paid++
		case book.EntryOpen, book.EntryUnknown:
			open++
		}
	}
	return settled, paid, open
}

// A thousand lines of which three in a hundred fail are all answered, each is paid once, and
// the books say what the vendor bills: half of what live calls cost.
func TestBatchOfAThousand(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, h *handlertest.Bench) {
		b := start(t, h, nil)
		b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultFailLines, Share: 0.03, Status: 503}, 1)
		row := b.end(t, b.begin(t, requests(1000, "groq/openai/gpt-oss-20b")))
		if row.Status != batch.Completed || row.Total != 1000 || row.Completed != 1000 || row.Errors != "" {
			t.Errorf("ended %+v", row)
		}
		answers := b.file(t, row.Output)
		for i := range 1000 {
			if !strings.Contains(string(answers[fmt.Sprint("ask ", i)]), `"choices"`) {
				t.Fatalf("ask %d has no answer: %s", i, answers[fmt.Sprint("ask ", i)])
			}
		}
		calls, nano := b.Paid()
		settled, paid, open := b.spent(t, row)
		if calls != 1000 || paid != 1000 || open != 0 {
			t.Errorf("%d answers are billed, %d paid, %d open", calls, paid, open)
		}
		if settled != nano || row.Live < 2*settled-1000 || row.Live > 2*settled {
			t.Errorf("the books say %d, the vendor %d, live it is %d", settled, nano, row.Live)
		}
		left, err := b.Store.Lines(t.Context(), row.ID, "", 0, 10)
		if err != nil || len(left) > 0 {
			t.Errorf("%d lines are left, %v", len(left), err)
		}
	})
}
