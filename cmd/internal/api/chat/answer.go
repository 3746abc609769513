package chat

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// answerAgain gives a stored answer to a client that asks with the same
// Idempotency-Key, or whose reply was lost: whole, or as the events of a stream.
func (s *Chats) answerAgain(w http.ResponseWriter, out *wire.SSE, j job.Job, input tasks.ChatInput) error {
	if j.State != job.StateSucceeded {
		return EndedFault(j)
	}
	if len(j.Result) == 0 {
		return wire.Coded("stream_gone", "The answer to this Idempotency-Key was delivered and not kept (store: "+
			"false): take a new key.")
	}
	if !input.Stream {
		return WriteAnswer(w, j.Result, 0)
	}
	return play(w, out, j.Result, input.Usage)
}

// play gives a whole answer as the events of a stream.
func play(w http.ResponseWriter, out *wire.SSE, body []byte, usage bool) error {
	events, err := chunksOf(body, usage)
	if err != nil {
		return err
	}
	o, err := oursOf(body)
	if err != nil {
		return err
	}
	o.show(w.Header())
	for _, event := range events {
		if err := out.Data("", event); err != nil {
			return err
		}
	}
	return nil
}

// EndedFault tells why a job ended without an answer.
func EndedFault(j job.Job) *wire.Fault {
	switch {
	case j.Error != nil:
		told := *j.Error
		if j.State == job.StateFailed && !j.RunAt.IsZero() {
			told.RetryAfter = max(0, time.Until(j.RunAt))
		}
		return jobFault(told)
	case j.State == job.StateCancelled:
		return cancelledFault()
	}
	return wire.Coded("internal", "The job "+j.ID+" ended without an answer: ask again.")
}

// jobFault makes a fault of a job's error. Its message may repeat what a vendor
// said of the prompt, so the log gets its length alone.
func jobFault(e job.Error) *wire.Fault {
	f := wire.Coded(e.Code, e.Message)
	f.Param, f.After, f.Foreign = e.Param, e.RetryAfter, true
	return f
}

func cancelledFault() *wire.Fault {
	return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request",
		Message: "The job was cancelled: ask again, with a new Idempotency-Key if you sent one."}
}

// ours is what an answer says of itself under "dreamlab", and the head of a reply of
// what is known at its first byte.
type ours struct {
	Job      string      `json:"job"`
	Provider string      `json:"provider"`
	Model    string      `json:"model"`
	Calls    json.Number `json:"calls"`
	CostUSD  json.Number `json:"cost_usd"`
	Cache    string      `json:"cache"`
	VendorMS *int64      `json:"vendor_ms"`
	Sandbox  bool        `json:"sandbox"`
}

// show puts into headers what is known of the answer.
func (o ours) show(header http.Header) {
	for name, value := range map[string]string{
		"Provider": o.Provider, "Model": o.Model, "Calls": o.Calls.String(), "Cost-Usd": o.CostUSD.String(),
		"Cache": o.Cache,
	} {
		if value != "" {
			header.Set("X-Dreamlab-"+name, value)
		}
	}
	if o.Sandbox {
		header.Set("X-Dreamlab-Sandbox", "true")
	}
}

// oursOf reads what a completion says of itself.
func oursOf(body []byte) (ours, error) {
	var told struct {
		Ours ours `json:"dreamlab"`
	}
	err := json.Unmarshal(body, &told)
	return told.Ours, err
}

// WriteAnswer answers with a whole completion, and shows in headers what it
// says of itself. Total is how long the client has waited so far, 0 where the
// answer was there before.
func WriteAnswer(w http.ResponseWriter, body []byte, total time.Duration) error {
	o, err := oursOf(body)
	if err != nil {
		return err
	}
	o.show(w.Header())
	if o.VendorMS != nil && total > 0 {
		w.Header().Set("X-Dreamlab-Overhead-Ms", overhead(total, *o.VendorMS))
	}
	return wire.Write(w, http.StatusOK, "application/json", body)
}

// showHead shows in headers what a reply's first entry says of the answer. A stream
// that is resumed behind it shows what it has.
func showHead(header http.Header, head []byte) {
	var o ours
	if json.Unmarshal(head, &o) == nil {
		o.show(header)
	}
}

func overhead(total time.Duration, vendor int64) string {
	ours := max(0, total-time.Duration(vendor)*time.Millisecond)
	return string(wire.Decimal(ours.Microseconds(), 3))
}

// clear forgets what a chat with "store": false held, once it was delivered to the
// client that asked for it. Other readers clear nothing.
func (s *Chats) clear(c *wire.Call, job string, input tasks.ChatInput) error {
	if input.Keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	return s.Store.Tx(ctx, db.Relaxed, func(q *store.Queries) error { return q.ClearJob(ctx, job) })
}
