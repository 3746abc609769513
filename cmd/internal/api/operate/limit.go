package operate

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
)

// Limits bound how often and how much the tenant's keys ask, in any minute.
type Limits struct {
	store *store.Store
	gate  *gate.Gate
}

// Bounds of limits.
const (
	maxLimits = 256
	maxRate   = 1_000_000_000 // per minute
)

type limitView struct {
	Object   string    `json:"object"`
	Key      *string   `json:"key"`   // its id; null: all keys together
	Model    *string   `json:"model"` // null: all models together
	Requests *int64    `json:"requests_per_minute"`
	Tokens   *int64    `json:"tokens_per_minute"`
	Burst    *int64    `json:"burst"`
	Queued   *int64    `json:"queued_jobs"`
	Streams  *int64    `json:"open_streams"`
	Left     *leftView `json:"requests"`
	LeftT    *leftView `json:"tokens"`
	LeftS    *openView `json:"streams"`
}

// leftView is what a limit has left, and in how many seconds all of it is there again.
type leftView struct {
	Remaining    int64         `json:"remaining"`
	ResetSeconds wire.Thousand `json:"reset_seconds"`
}

// openView is how many streams are open, and how many more may be. It is null while the
// shared count can not be read.
type openView struct {
	Open      int64 `json:"open"`
	Remaining int64 `json:"remaining"`
}

// newLimit is a limit as a client sets it.
type newLimit struct {
	Key      string `json:"key"`
	Model    string `json:"model"`
	Requests int64  `json:"requests_per_minute"`
	Tokens   int64  `json:"tokens_per_minute"`
	Burst    int64  `json:"burst"`
	Queued   int64  `json:"queued_jobs"`
	Streams  int64  `json:"open_streams"`
}

func orNone(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// List shows the limits and what they have left.
func (h Limits) List(w http.ResponseWriter, c *wire.Call) error {
	all, err := h.store.Limits(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	return h.write(w, c, all)
}

func (h Limits) write(w http.ResponseWriter, c *wire.Call, all []store.Limit) error {
	views := make([]limitView, len(all))
	for i, l := range all {
		views[i] = limitView{
			Object: "limit", Key: wire.OrNull(l.Key), Model: wire.OrNull(l.Model), Requests: orNone(l.Requests),
			Tokens: orNone(l.Tokens), Burst: orNone(l.Burst), Queued: orNone(l.Queued),
			Streams: orNone(l.Streams),
		}
		rates := gate.RatesOf(l, 0, 0)
		for j, granted := range h.gate.Granted(c.Context(), rates) {
			left := &leftView{granted.Remaining, wire.Thousand(granted.Reset.Milliseconds())}
			if strings.HasPrefix(rates[j].Name, "requests:") {
				views[i].Left = left
			} else {
				views[i].LeftT = left
			}
		}
		if open, known := h.gate.StreamsOpen(c.Context(), l); known {
			views[i].LeftS = &openView{open, max(0, l.Streams-open)}
		}
	}
	return wire.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": views})
}

// Put replaces all limits of the tenant.
func (h Limits) Put(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var asked struct {
		Data []newLimit `json:"data"`
	}
	if err := wire.Decode(body, &asked); err != nil {
		return err
	}
	if len(asked.Data) > maxLimits {
		return wire.Invalid("data", "data has at most %d limits.", maxLimits)
	}
	all := make([]store.Limit, len(asked.Data))
	for i, n := range asked.Data {
		if all[i], err = h.limitOf(c, fmt.Sprintf("data[%d]", i), n); err != nil {
			return err
		}
	}
	err = h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetLimits(c.Context(), c.Tenant, all)
	})
	if errors.Is(err, db.ErrConflict) {
		return wire.Invalid("data", "Two limits have the same key and model: put them together.")
	}
	if err != nil {
		return err
	}
	return h.write(w, c, all)
}

func (h Limits) limitOf(c *wire.Call, where string, n newLimit) (store.Limit, error) {
	for name, rate := range map[string]int64{
		"requests_per_minute": n.Requests, "tokens_per_minute": n.Tokens, "burst": n.Burst, "queued_jobs": n.Queued,
		"open_streams": n.Streams,
	} {
		if rate < 0 || rate > maxRate {
			return store.Limit{}, wire.Invalid(where+"."+name, "%s is a number from 1 to %d, or left out.", name, maxRate)
		}
	}
	switch {
	case n.Requests == 0 && n.Tokens == 0 && n.Queued == 0 && n.Streams == 0:
		return store.Limit{}, wire.Invalid(where,
			"A limit has requests_per_minute, tokens_per_minute, open_streams or queued_jobs.")
	case n.Queued > 0 && (n.Key != "" || n.Model != ""):
		return store.Limit{}, wire.Invalid(where+".queued_jobs", "queued_jobs is of the whole tenant: leave out key and model.")
	case n.Burst > 0 && n.Requests == 0:
		return store.Limit{}, wire.Invalid(where+".burst", "burst is of requests: give requests_per_minute.")
	case len(n.Model) > 256 || strings.ContainsFunc(n.Model, unicode.IsSpace):
		return store.Limit{}, wire.Invalid(where+".model", "model is an alias or provider/model.")
	}
	if n.Key != "" {
		if _, err := h.store.Key(c.Context(), c.Tenant, n.Key); err != nil {
			return store.Limit{}, gate.OrMissing(err, "key")
		}
	}
	return store.Limit{Tenant: c.Tenant, Key: n.Key, Model: n.Model, Requests: n.Requests, Tokens: n.Tokens, Burst: n.Burst,
		Queued: n.Queued, Streams: n.Streams}, nil
}
