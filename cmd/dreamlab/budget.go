package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// budgetVerb works with the caps of spending.
type budgetVerb struct {
	List   budgetListVerb   `cmd:"" default:"1" help:"list the budgets, what is used of each and when it begins anew"`
	Set    budgetSetVerb    `cmd:"" help:"make a budget, or change its amount"`
	Remove budgetRemoveVerb `cmd:"" help:"take a budget away"`
}

// budgetListVerb lists budgets.
type budgetListVerb struct {
	reaching
	listing
}

// Run lists them. Those without an id stand in the configuration.
func (v *budgetListVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Raw(ctx, "/v1/budgets")
	if err != nil {
		return err
	}
	var page struct{ Data []json.RawMessage }
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("read the budgets: %w", err)
	}
	rows, err := show.NewRows(page.Data)
	if err != nil {
		return err
	}
	return show.Write(v.sink(sh), raw, rows, show.Fields("id", "key", "purpose", "provider", "per", "hard", "usd", "used_usd",
		"remaining_usd", "resets_at"))
}

// budgetScope says what a budget is of: with nothing, of all spending.
type budgetScope struct {
	Per      string `default:"month" enum:"day,month" placeholder:"SPAN" help:"the SPAN in which it may be spent"`
	Key      string `placeholder:"ID" help:"of the key with this ID alone"`
	Purpose  string `placeholder:"PURPOSE" help:"of this PURPOSE alone: chat, replay, improve, evaluate, train, host ..."`
	Provider string `placeholder:"VENDOR" help:"at this VENDOR alone"`
	Soft     bool   `help:"only tell when it is spent, and refuse nothing"`
}

// budget is a cap as the API takes it.
type budget struct {
	ID       *string     `json:"id,omitempty"` // of those that are kept; null for one of the configuration
	Key      string      `json:"key,omitempty"`
	Purpose  string      `json:"purpose,omitempty"`
	Provider string      `json:"provider,omitempty"`
	USD      json.Number `json:"usd"`
	Per      string      `json:"per"`
	Hard     bool        `json:"hard"`
}

// is tells whether a budget is of this scope.
func (s budgetScope) is(b budget) bool {
	return b.Per == s.Per && b.Key == s.Key && b.Purpose == s.Purpose && b.Provider == s.Provider && b.Hard == !s.Soft
}

// edit replaces the list of budgets by one that is changed. The API takes all at once.
func (s budgetScope) edit(ctx context.Context, c *client.Client, change func([]budget) ([]budget, error)) (json.RawMessage, error) {
	raw, err := c.Raw(ctx, "/v1/budgets")
	if err != nil {
		return nil, err
	}
	var page struct{ Data []budget }
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, fmt.Errorf("read the budgets: %w", err)
	}
	kept := slices.DeleteFunc(page.Data, func(b budget) bool { return b.ID == nil })
	all, err := change(kept)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].ID = nil
	}
	return c.Do(ctx, http.MethodPut, "/v1/budgets", map[string]any{"data": all})
}

// budgetSetVerb makes or changes a budget.
type budgetSetVerb struct {
	USD string `arg:"" name:"usd" help:"the dollars that may be spent"`
	budgetScope
	asking
}

// Run changes the budget of this scope, and leaves the others.
func (v *budgetSetVerb) Run(ctx context.Context, sh shell) error {
	fresh := budget{
		Key: v.Key, Purpose: v.Purpose, Provider: v.Provider, USD: json.Number(v.USD), Per: v.Per, Hard: !v.Soft,
	}
	return v.edited(ctx, sh, &v.asking, func(all []budget) ([]budget, error) {
		return append(slices.DeleteFunc(all, v.is), fresh), nil
	})
}

// budgetRemoveVerb takes a budget away.
type budgetRemoveVerb struct {
	budgetScope
	asking
}

// Run takes the budget of this scope away, and leaves the others.
func (v *budgetRemoveVerb) Run(ctx context.Context, sh shell) error {
	return v.edited(ctx, sh, &v.asking, func(all []budget) ([]budget, error) {
		left := slices.DeleteFunc(slices.Clone(all), v.is)
		if len(left) == len(all) {
			return nil, errors.New("there is no such budget: dreamlab budget list shows them")
		}
		return left, nil
	})
}

func (s budgetScope) edited(ctx context.Context, sh shell, a *asking, change func([]budget) ([]budget, error)) error {
	c, err := a.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := s.edit(ctx, c, change)
	if err != nil {
		return err
	}
	if a.asJSON() {
		return json.NewEncoder(sh.out).Encode(raw)
	}
	fmt.Fprintf(sh.out, "the budgets are changed: %s, a %s\n", cmp.Or(s.Key, s.Purpose, s.Provider, "all spending"), s.Per)
	return nil
}
