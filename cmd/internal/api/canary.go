package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/money"
)

// canaryView is a target that shares the first tier's traffic with another that has more of it. Of a
// split that was set by hand it has no more than the model and its share.
type canaryView struct {
	Model string     `json:"model"`
	Share wire.Share `json:"share"`
	*trialView
}

// trialView is how far a canary is.
type trialView struct {
	ID       string    `json:"id"`
	Tune     string    `json:"tune"`
	Champion string    `json:"champion"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason"` // of its last move
	Steps    []int     `json:"steps"`
	Step     int       `json:"step"` // of them, from 1; 0 in its shadow
	Until    *int64    `json:"until"`
	Seen     seenView  `json:"seen"`
	Began    *int64    `json:"created_at"`
	Evidence evidences `json:"evidence"`
	Pairs    *pairView `json:"pairs"` // null where none are judged
}

// pairView is how the answers of both models to the same prompts were judged.
type pairView struct {
	Judged  int64      `json:"judged"`
	Wins    int64      `json:"wins"` // of the candidate
	Ties    int64      `json:"ties"`
	Losses  int64      `json:"losses"`
	WinRate wire.Share `json:"win_rate"`
	Shadow  int64      `json:"shadow"` // how many end the shadow at most
	Share   float64    `json:"share"`  // of the conversations that are drawn
	Budget  money.USD  `json:"budget_usd"`
	Spent   money.USD  `json:"spent_usd"`
}

func viewPairs(c canary.Canary, spent int64) *pairView {
	plan, seen := c.Plan.Pairs, c.Seen.Judged
	if !plan.Planned() {
		return nil
	}
	return &pairView{
		seen.Pairs(), seen.Wins, seen.Ties, seen.Losses, wire.Share(seen.WinRate()), plan.Shadow, plan.Share,
		money.USD(c.Budget()), money.USD(spent),
	}
}

// seenView are the conversations that were counted.
type seenView struct {
	Candidate   tallyView  `json:"candidate"`
	Champion    tallyView  `json:"champion"`
	Comparisons int64      `json:"comparisons"`
	WinRate     wire.Share `json:"win_rate"`
}

type tallyView struct {
	Conversations int64 `json:"conversations"`
	Disliked      int64 `json:"disliked"`
	Failed        int64 `json:"failed"`
	Slow          int64 `json:"slow"`
	Refused       int64 `json:"refused"`
	Malformed     int64 `json:"malformed"`
}

// evidences are what the tests have found: the e-values of two statements, 1 before the first
// conversation, and the higher the more speaks for the statement.
type evidences struct {
	Safe  float64 `json:"safe"`  // that it is worse by no more than the margin
	Worse float64 `json:"worse"` // that it is worse
	Pass  float64 `json:"pass"`  // from which on safe lets it pass
}

func viewTally(t canary.Tally) tallyView {
	bad := t.Bad
	return tallyView{
		t.Conversations, bad[canary.Disliked], bad[canary.Failed], bad[canary.Slow], bad[canary.Refused], bad[canary.Malformed],
	}
}

func viewCanary(c canary.Canary, spent int64) *canaryView {
	return &canaryView{Model: c.Candidate, Share: wire.Share(c.Share() * 100), trialView: &trialView{
		ID: c.ID, Tune: c.Tune, Champion: c.Champion, Status: string(c.State), Reason: c.Reason,
		Steps: c.Plan.Steps, Step: c.Step + 1, Until: wire.Seconds(c.Until()), Began: wire.Seconds(c.Created),
		Seen: seenView{
			viewTally(c.Seen.Candidate), viewTally(c.Seen.Champion), c.Seen.Comparisons, wire.Share(c.Seen.WinRate()),
		},
		Evidence: evidences{c.Seen.Safe, c.Seen.Worse, 1 / c.Plan.Alpha}, Pairs: viewPairs(c, spent),
	}}
}

// canaryOf is a split of the first tier, whoever made it.
func canaryOf(r learn.Route) *canaryView {
	least, part, found := r.Canary()
	if !found {
		return nil
	}
	return &canaryView{Model: least.Model, Share: wire.Share(part)}
}

// withCanaries views routes with the tenant's canaries on them.
func (h routing) withCanaries(ctx context.Context, tenant string) (func(learn.Route) routeView, error) {
	open, err := h.store.OpenCanaries(ctx, tenant)
	if err != nil {
		return nil, err
	}
	spent, err := h.pairSpends(ctx, open)
	if err != nil {
		return nil, err
	}
	return func(r learn.Route) routeView {
		view := viewRoute(r)
		for _, c := range open {
			if c.Alias == r.Alias && c.Placed == r.Version {
				view.Canary = viewCanary(c, spent[c.ID])
			}
		}
		return view
	}, nil
}

// pairSpends sums what the judged pairs of canaries cost, by their ids: an alias has one canary at most.
func (h routing) pairSpends(ctx context.Context, open []canary.Canary) (map[string]int64, error) {
	spent := map[string]int64{}
	for _, c := range open {
		if !c.Plan.Pairs.Planned() {
			continue
		}
		nano, err := h.store.PairSpend(ctx, c)
		if err != nil {
			return nil, err
		}
		spent[c.ID] = nano
	}
	return spent, nil
}

// moveCanary does to a canary what its operator wants; with preview=true it only says what would
// answer then.
func (h routing) moveCanary(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var asked struct {
		Action string `json:"action"`
	}
	if err := wire.Decode(body, &asked); err != nil {
		return err
	}
	if !slices.Contains(canary.Actions(), asked.Action) {
		return wire.Invalid("action", "action is one of %s.", strings.Join(canary.Actions(), ", "))
	}
	preview, err := gate.Preview(c)
	if err != nil {
		return err
	}
	was, next, err := h.acted(c, asked.Action)
	if err != nil {
		return err
	}
	if preview {
		return h.previewCanary(w, c, next)
	}
	err = h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) error {
		_, err := store.MoveCanary(c.Context(), q, was, next, c.Key)
		return err
	})
	if err != nil {
		return refusedMove(err)
	}
	return h.get(w, c)
}

// acted returns the open canary of an alias, and as it is after the action.
func (h routing) acted(c *wire.Call, action string) (was, next canary.Canary, err error) {
	alias := c.PathValue("alias")
	if _, err := h.store.Route(c.Context(), c.Tenant, alias); err != nil {
		return was, next, gate.OrMissing(err, "route")
	}
	was, err = h.store.OpenCanary(c.Context(), c.Tenant, alias)
	if errors.Is(err, db.ErrNotFound) {
		return was, next, conflict("No canary runs on %s: GET the route to see what answers.", alias)
	}
	if err != nil {
		return was, next, err
	}
	next, err = was.Act(action)
	var refused *canary.RefusedError
	if errors.As(err, &refused) {
		return was, next, conflict("%s.", refused.Reason)
	}
	return was, next, err
}

func conflict(format string, args ...any) *wire.Fault {
	fault := wire.Invalid("action", format, args...)
	fault.Status = http.StatusConflict
	return fault
}

// refusedMove is why a canary was not moved.
func refusedMove(err error) error {
	var tainted *learn.TaintedError
	switch {
	case errors.Is(err, db.ErrConflict):
		return conflict("The canary or its route was moved just now: read it again, then decide.")
	case errors.As(err, &tainted):
		return conflict("%s.", tainted.Error())
	}
	return err
}

func (h routing) previewCanary(w http.ResponseWriter, c *wire.Call, next canary.Canary) error {
	r, err := h.store.Route(c.Context(), c.Tenant, next.Alias)
	if err != nil {
		return err
	}
	view, err := h.withCanaries(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	version := r.Version
	if next.Share() == 0 {
		version = next.Route.Version
	}
	return wire.WriteJSON(w, http.StatusOK, rollbackPreview{
		next.Alias, "route", true, version, wire.Some(next.Targets()), view(r),
	})
}
