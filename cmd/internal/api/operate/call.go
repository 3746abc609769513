package operate

import (
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/money"
)

// Calls are the tries at vendors that a job made.
type Calls struct{ store *store.Store }

type callView struct {
	ID       string  `json:"id"`
	Object   string  `json:"object"`
	Job      string  `json:"job"` // it, or one below it
	Step     string  `json:"step"`
	Number   int     `json:"number"` // 1 for the step's first try
	Purpose  string  `json:"purpose"`
	Provider string  `json:"provider"`
	Model    string  `json:"model"`
	Key      *string `json:"key"` // its id
	State    string  `json:"state"`
	Cause    *string `json:"cause"`

	InputTokens  int64 `json:"input_tokens"`
	CachedTokens int64 `json:"cached_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	// ReasoningTokens are a part of the output.
	ReasoningTokens int64 `json:"reasoning_tokens"`
	Estimated       bool  `json:"estimated"`
	// Tier is that of service: batch, or as the vendor names it; null for the usual.
	Tier *string `json:"tier"`
	// PricedFrom is from when the price holds that the call is reckoned by.
	PricedFrom *int64 `json:"priced_from"`
	// CostUSD is null while the price is not known: the call is open, or its outcome
	// was lost.
	CostUSD     *money.USD `json:"cost_usd"`
	ReservedUSD money.USD  `json:"reserved_usd"`
	CreatedAt   *int64     `json:"created_at"`
	EndedAt     *int64     `json:"ended_at"`
	DurationMS  *int64     `json:"duration_ms"`
}

func viewCall(e book.Entry) callView {
	view := callView{
		ID: e.ID, Object: "call", Job: e.Job, Step: e.Step, Number: e.Number, Purpose: e.Purpose,
		Provider: e.Provider, Model: e.Model, Key: wire.OrNull(e.KeyID), State: string(e.State), Cause: wire.OrNull(e.Cause),
		InputTokens: e.Input, CachedTokens: e.Cached, OutputTokens: e.Output, ReasoningTokens: e.Reasoning,
		Estimated: e.Estimated, Tier: wire.OrNull(e.Tier), PricedFrom: wire.Seconds(e.Priced),
		ReservedUSD: money.USD(e.Reserved), CreatedAt: wire.Seconds(e.Created), EndedAt: wire.Seconds(e.Ended),
	}
	if e.State == book.EntrySettled || e.State == book.EntryVoid {
		view.CostUSD = new(money.USD(e.Settled))
	}
	if !e.Ended.IsZero() {
		view.DurationMS = new(e.Ended.Sub(e.Created).Milliseconds())
	}
	return view
}

// List shows the tries of a job and of all jobs below it.
func (h Calls) List(w http.ResponseWriter, c *wire.Call) error {
	c.Job = c.PathValue("id")
	if _, err := h.store.Job(c.Context(), c.Tenant, c.Job); err != nil {
		return gate.OrMissing(err, "job")
	}
	f, page, err := gate.Listed(c, "ent_", gate.Known(h.store.Call), "open", "settled", "void", "unknown")
	if err != nil {
		return err
	}
	rows, more, err := h.store.Calls(c.Context(), c.Tenant, c.Job, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewCall, func(v callView) string { return v.ID })
}
