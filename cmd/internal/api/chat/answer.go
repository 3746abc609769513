package chat

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/tasks"
)

// answerAgain gives a stored answer to a client that asks with the same
// Idempotency-Key.
func (s *Chats) answerAgain(w http.ResponseWriter, c *wire.Call, job store.Job, input tasks.ChatInput) error {
	if job.State != store.JobSucceeded {
		return endedFault(job)
	}
	if len(job.Result) == 0 {
		return wire.Coded("stream_gone", "The answer to this Idempotency-Key was delivered and not kept (store: "+
			"false): take a new key.")
	}
	if !input.Stream {
		return writeAnswer(w, job.Result, 0)
	}
	events, err := chunksOf(job.Result, input.Usage)
	if err != nil {
		return err
	}
	out := wire.NewSSE(w, s.Sandbox)
	for _, event := range events {
		if err := out.Data("", event); err != nil {
			return err
		}
	}
	return nil
}

// endedFault tells why a job ended without an answer.
func endedFault(job store.Job) *wire.Fault {
	switch {
	case job.Error != nil:
		told := *job.Error
		if job.State == store.JobFailed && !job.RunAt.IsZero() {
			told.RetryAfter = max(0, time.Until(job.RunAt))
		}
		return jobFault(told)
	case job.State == store.JobCancelled:
		return cancelledFault()
	}
	return wire.Coded("internal", "The job "+job.ID+" ended without an answer: ask again.")
}

// jobFault makes a fault of a job's error. Its message may repeat what a vendor
// said of the prompt, so the log gets its length alone.
func jobFault(e store.JobError) *wire.Fault {
	f := wire.Coded(e.Code, e.Message)
	f.Param, f.After, f.Foreign = e.Param, e.RetryAfter, true
	return f
}

func cancelledFault() *wire.Fault {
	return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request",
		Message: "The job was cancelled: ask again, with a new Idempotency-Key if you sent one."}
}

// toldOurs is what an answer says of itself under "dreamlab".
type toldOurs struct {
	Ours struct {
		Job      string      `json:"job"`
		Provider string      `json:"provider"`
		Model    string      `json:"model"`
		Calls    json.Number `json:"calls"`
		CostUSD  json.Number `json:"cost_usd"`
		Cache    string      `json:"cache"`
		VendorMS *int64      `json:"vendor_ms"`
		Sandbox  bool        `json:"sandbox"`
	} `json:"dreamlab"`
}

// writeAnswer answers with a whole completion, and shows in headers what it
// says of itself. Total is how long the client has waited so far, 0 where the
// answer was there before.
func writeAnswer(w http.ResponseWriter, body []byte, total time.Duration) error {
	var told toldOurs
	if err := json.Unmarshal(body, &told); err != nil {
		return err
	}
	o := told.Ours
	for name, value := range map[string]string{
		"Provider": o.Provider, "Model": o.Model, "Calls": o.Calls.String(), "Cost-Usd": o.CostUSD.String(),
		"Cache": o.Cache,
	} {
		if value != "" {
			w.Header().Set("X-Dreamlab-"+name, value)
		}
	}
	if o.VendorMS != nil && total > 0 {
		w.Header().Set("X-Dreamlab-Overhead-Ms", overhead(total, *o.VendorMS))
	}
	if o.Sandbox {
		w.Header().Set("X-Dreamlab-Sandbox", "true")
	}
	return wire.Write(w, http.StatusOK, "application/json", body)
}

// showModel shows in headers who answers a stream, by the name in its first event:
// provider/model.
func showModel(header http.Header, lines [][]byte) {
	var first struct {
		Model string `json:"model"`
	}
	if len(lines) == 0 || json.Unmarshal(lines[0], &first) != nil {
		return // [DONE], or an event without a model
	}
	if provider, model, named := strings.Cut(first.Model, "/"); named {
		header.Set("X-Dreamlab-Provider", provider)
		header.Set("X-Dreamlab-Model", model)
	}
}

func overhead(total time.Duration, vendor int64) string {
	ours := max(0, total-time.Duration(vendor)*time.Millisecond)
	return string(wire.Decimal(ours.Microseconds(), 3))
}

// clear forgets what a chat with "store": false held, once it was delivered to the
// client that asked for it. Who merely reads clears nothing.
func (s *Chats) clear(c *wire.Call, job string, input tasks.ChatInput) error {
	if input.Keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	return s.Store.Tx(ctx, store.Relaxed, func(q *store.Queries) error { return q.ClearJob(ctx, job) })
}
