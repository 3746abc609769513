package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dreamlab/store/canary"
	"dreamlab/store/learn"
)

// PlaceCanary begins a canary: the route gives it its first share, if that is still at the version
// that the canary names, and the canary is stored. One that begins in its shadow leaves the route as it
// is. It must run in a transaction.
func PlaceCanary(ctx context.Context, q *Queries, c canary.Canary) (canary.Canary, error) {
	if c.InShadow() {
		c.Placed = c.Route.Version
		return c, addCanary(ctx, q, c)
	}
	r, err := q.SetRoute(ctx, learn.Route{
		Tenant: c.Tenant, Alias: c.Alias, Version: c.Route.Version, Targets: c.Targets(), Author: c.Tune,
		Reason: fmt.Sprintf("a canary answers %d %% of the conversations", c.Share()),
	})
	if err != nil {
		return c, fmt.Errorf("place the canary: %w", err)
	}
	c.Placed, c.Origin = r.Version, r.Origin
	return c, addCanary(ctx, q, c)
}

func addCanary(ctx context.Context, q *Queries, c canary.Canary) error {
	if err := q.AddCanary(ctx, c); err != nil {
		return fmt.Errorf("place the canary: %w", err)
	}
	return tellCanary(ctx, q, c)
}

// MoveCanary stores a canary that was moved, and sets the route by it. It fails with db.ErrConflict,
// changing nothing, where the canary or its route was moved since was read. It must run in a transaction.
func MoveCanary(ctx context.Context, q *Queries, was, c canary.Canary, author string) (canary.Canary, error) {
	targets := c.Targets()
	if c.State != canary.Superseded && !slices.Equal(was.Targets(), targets) {
		r := learn.Route{
			Tenant: c.Tenant, Alias: c.Alias, Version: was.Placed, Origin: c.Origin, Targets: targets, Author: author,
			Reason: c.Reason,
		}
		if c.Share() == 0 {
			r.Origin = c.Route.Origin
		}
		set, err := q.SetRoute(ctx, r)
		if err != nil {
			return c, fmt.Errorf("move the canary: %w", err)
		}
		c.Placed, c.Origin = set.Version, cmp.Or(c.Origin, set.Origin)
	}
	c.Version = was.Version
	if err := q.SetCanary(ctx, c, true); err != nil {
		return c, fmt.Errorf("move the canary: %w", err)
	}
	return c, tellCanary(ctx, q, c)
}

// tellCanary tells webhooks of a move. That a model has the route to itself is told as its promotion.
func tellCanary(ctx context.Context, q *Queries, c canary.Canary) error {
	event := "route.canary"
	switch c.State {
	case canary.Watching:
		event = "route.promoted"
	case canary.RolledBack, canary.Aborted:
		event = "route.rolled_back"
	}
	_, err := q.Announce(ctx, c.Tenant, event, map[string]any{
		"object": "route", "alias": c.Alias, "model": c.Candidate, "tune": c.Tune, "canary": c.ID, "state": c.State,
		"share": float64(c.Share()) / 100, "reason": c.Reason,
	})
	if err != nil {
		return fmt.Errorf("tell of the canary: %w", err)
	}
	return nil
}
