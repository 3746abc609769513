package trial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

const (
	// race is how long after a move chats may still be answered by the route before it.
	race = 5 * time.Second
	// maxHeads bounds the conversations that one look counts, and the judged pairs.
	maxHeads = 500
)

// LookAll looks at all open canaries. Any number may do so at once: a canary is moved by one of them.
func LookAll(ctx context.Context, s *store.Store) error {
	open, err := s.OpenCanaries(ctx, "")
	faults := []error{err}
	for _, c := range open {
		err := Look(ctx, s, c)
		if err != nil && !errors.Is(err, db.ErrConflict) { // another moved it: the next look sees
			faults = append(faults, fmt.Errorf("look at canary %s: %w", c.ID, err))
		}
	}
	return errors.Join(faults...)
}

// Look counts the conversations and the judged pairs that a canary has not counted, and moves it by what
// they show.
// It fails with db.ErrConflict where another moved it meanwhile.
func Look(ctx context.Context, s *store.Store, c canary.Canary) error {
	moved, err := over(ctx, s, c)
	if err != nil {
		return err
	}
	if moved.State != c.State {
		return move(ctx, s, c, moved)
	}
	t, err := open(c)
	if err != nil {
		return err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return fmt.Errorf("tell the time: %w", err)
	}
	if err := t.read(ctx, s, now); err != nil {
		return err
	}
	next, changed := t.next(!now.Before(c.Until()))
	if changed {
		return move(ctx, s, c, next)
	}
	if next.Cursor == c.Cursor && next.Seen.Judged == c.Seen.Judged {
		return nil
	}
	return s.SetCanary(ctx, next, false)
}

func move(ctx context.Context, s *store.Store, was, next canary.Canary) error {
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		_, err := store.MoveCanary(ctx, q, was, next, was.Tune)
		return err
	})
}

// over returns the canary as it is where something else has ended it.
func over(ctx context.Context, s *store.Store, c canary.Canary) (canary.Canary, error) {
	route, err := s.Route(ctx, c.Tenant, c.Alias)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return c, fmt.Errorf("find route %s: %w", c.Alias, err)
	}
	if route.Version != c.Placed || route.Tenant != c.Tenant && !c.InShadow() {
		return c.GiveWay("the route was changed: " + route.Reason), nil
	}
	model, err := s.Model(ctx, c.Tenant, c.Candidate)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return c.TakeBack("taken back: the model was deleted"), nil
	case err != nil:
		return c, fmt.Errorf("find model %s: %w", c.Candidate, err)
	case !model.Tainted.IsZero():
		return c.TakeBack("taken back: a conversation that it learned from was forgotten"), nil
	}
	tune, err := s.Tune(ctx, c.Tenant, c.Tune)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return c, fmt.Errorf("find tune %s: %w", c.Tune, err)
	}
	if err != nil || tune.Status.Ended() {
		return c.TakeBack("taken back: its tune was ended"), nil
	}
	return c, nil
}

// read counts what has come since the last look.
func (t *trial) read(ctx context.Context, s *store.Store, now time.Time) error {
	pairs, err := s.Pairs(ctx, t.ID, t.Seen.Judged.Pairs(), maxHeads)
	if err != nil {
		return fmt.Errorf("find judged pairs: %w", err)
	}
	for _, p := range pairs {
		t.countPair(p.Outcome)
	}
	if t.InShadow() {
		return nil // all conversations are the champion's
	}
	return t.readChats(ctx, s, now)
}

// readChats counts the conversations that have settled, in the order in which they began. The arm of
// each follows from the route, not from who answered: what a fallback answered, its model did not.
func (t *trial) readChats(ctx context.Context, s *store.Store, now time.Time) error {
	heads, err := s.Heads(ctx, t.Canary, canary.Window{
		After: t.Cursor, First: t.Shown, Since: t.Stepped.Add(race), Until: now.Add(-t.Plan.Settle), Limit: maxHeads,
	})
	if err != nil {
		return fmt.Errorf("find conversations: %w", err)
	}
	route := learn.Route{Targets: t.Targets()}
	for _, head := range heads {
		t.Cursor = head.Job
		model := route.Choose(head.Sticky())[0][0]
		if model != t.Canary.Candidate && model != t.Canary.Champion {
			continue
		}
		chats, err := s.Chats(ctx, t.Canary, head, head.Created.Add(t.Plan.Settle), model)
		if err != nil {
			return fmt.Errorf("read a conversation: %w", err)
		}
		if bad, counts := outcome(chats, t.Plan); counts {
			t.count(model == t.Canary.Candidate, bad)
		}
	}
	return nil
}
