package operate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/money"
)

// Budgets cap what the tenant spends in a day or a month of its zone.
type Budgets struct {
	store  *store.Store
	common []book.Budget // of the configuration
	now    func() time.Time
}

// maxBudgets bounds the budgets of a tenant: each costs a sum at every call.
const maxBudgets = 64

type budgetView struct {
	ID       *string   `json:"id"` // null: the configuration has it
	Object   string    `json:"object"`
	Key      *string   `json:"key"` // its id; null: all keys together
	Purpose  *string   `json:"purpose"`
	Provider *string   `json:"provider"`
	USD      money.USD `json:"usd"`
	Per      string    `json:"per"`
	Hard     bool      `json:"hard"`
	Used     money.USD `json:"used_usd"` // settled, and reserved for what is under way
	Left     money.USD `json:"remaining_usd"`
	ResetsAt int64     `json:"resets_at"`
}

type budgetList struct {
	Object string       `json:"object"`
	Zone   string       `json:"zone"`
	Data   []budgetView `json:"data"`
}

// newBudget is a budget as a client sets it.
type newBudget struct {
	Key      string     `json:"key"`
	Purpose  string     `json:"purpose"`
	Provider string     `json:"provider"`
	USD      *money.USD `json:"usd"`
	Per      string     `json:"per"`
	Hard     *bool      `json:"hard"`
}

// List shows the budgets, what is used of them and when they begin anew.
func (h Budgets) List(w http.ResponseWriter, c *wire.Call) error {
	own, zone, err := h.store.Budgets(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	now := h.now().In(zone)
	var all []book.Budget
	for _, b := range h.common {
		if b.Tenant == "" || b.Tenant == c.Tenant {
			all = append(all, b)
		}
	}
	all = append(all, own...)
	asked := make([]book.Commitment, len(all))
	for i, b := range all {
		asked[i] = b.Commitment(c.Tenant, now)
	}
	used, err := h.store.CommittedOf(c.Context(), asked)
	if err != nil {
		return err
	}
	list := budgetList{Object: "list", Zone: zone.String(), Data: make([]budgetView, len(all))}
	for i, b := range all {
		list.Data[i] = budgetView{
			ID: wire.OrNull(b.ID), Object: "budget", Key: wire.OrNull(b.Key), Purpose: wire.OrNull(b.Purpose),
			Provider: wire.OrNull(b.Provider), USD: money.USD(b.Nano), Per: b.Per(), Hard: b.Hard,
			Used: money.USD(used[i]), Left: money.USD(max(0, b.Nano-used[i])), ResetsAt: b.Until(now).Unix(),
		}
	}
	return wire.WriteJSON(w, http.StatusOK, list)
}

// Put replaces the tenant's budgets, and its zone where one is given.
func (h Budgets) Put(w http.ResponseWriter, c *wire.Call) error {
	var asked struct {
		Zone string      `json:"zone"`
		Data []newBudget `json:"data"`
	}
	if err := wire.Read(c, &asked); err != nil {
		return err
	}
	zone, err := zoneOf(asked.Zone)
	if err != nil {
		return err
	}
	if len(asked.Data) > maxBudgets {
		return wire.Invalid("data", "data has at most %d budgets.", maxBudgets)
	}
	all := make([]book.Budget, len(asked.Data))
	for i, n := range asked.Data {
		if all[i], err = h.budgetOf(c, fmt.Sprintf("data[%d]", i), n); err != nil {
			return err
		}
	}
	err = h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) error {
		if asked.Zone != "" {
			if err := q.SetZone(c.Context(), c.Tenant, zone, h.now()); err != nil {
				return err
			}
		}
		return q.SetBudgets(c.Context(), c.Tenant, all)
	})
	if errors.Is(err, db.ErrConflict) {
		return wire.Invalid("data", "Two budgets have the same key, purpose, provider, per and hard: keep one.")
	}
	if err != nil {
		return err
	}
	return h.List(w, c)
}

func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, wire.Invalid("zone", "zone is an IANA name such as UTC or Europe/Zurich.")
	}
	return zone, nil
}

func (h Budgets) budgetOf(c *wire.Call, where string, n newBudget) (book.Budget, error) {
	if err := wire.OneOf(where+".purpose", n.Purpose, money.Purposes()...); err != nil {
		return book.Budget{}, err
	}
	switch {
	case n.USD == nil:
		return book.Budget{}, wire.Invalid(where+".usd", "A budget has usd, in dollars.")
	case !slices.Contains([]string{"day", "month"}, n.Per):
		return book.Budget{}, wire.Invalid(where+".per", "per is day or month.")
	case len(n.Provider) > 64 || strings.ContainsAny(n.Provider, "/ \t\n"):
		return book.Budget{}, wire.Invalid(where+".provider", "provider is a vendor, by its name before the slash in GET /v1/models.")
	}
	if n.Key != "" {
		if _, err := h.store.Key(c.Context(), c.Tenant, n.Key); err != nil {
			return book.Budget{}, gate.OrMissing(err, "key")
		}
	}
	return book.Budget{
		Tenant: c.Tenant, Key: n.Key, Purpose: n.Purpose, Provider: n.Provider, Monthly: n.Per == "month",
		Hard: n.Hard == nil || *n.Hard, Nano: int64(*n.USD),
	}, nil
}
