package tune

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// maxStops bounds how often a tune waits for a deployment to be gone; after
// that Reap goes on.
const maxStops = 20

// refusedTainted is why a model is not promoted whose dataset has lost a conversation since.
const refusedTainted = "refused: forgotten: a conversation that it learned from was forgotten meanwhile: tune again without it"

// promoter does the stage that carries the gate's decision out.
type promoter struct {
	vendors   Vendors
	stopper   stopper
	pollEvery time.Duration
	lead      string
	plan      *canary.Plan // of canaries; nil: a promotion is for all traffic at once
}

func newPromoter(d Deps) *promoter {
	return &promoter{vendors: d.Vendors, stopper: newStopper(d), pollEvery: d.Settings.PollEvery, lead: d.Settings.Lead,
		plan: d.Settings.Canary}
}

// carryOut does what the gate decided, and what a canary came to.
func (p *promoter) carryOut(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	if c.state.Canary != "" {
		end, err := p.follow(ctx, c)
		if err != nil || end != nil {
			return end, err
		}
	}
	model, err := c.run.Store.Model(ctx, c.tune.Tenant, c.state.Candidate)
	if errors.Is(err, db.ErrNotFound) {
		return c.decided(false, "the candidate was deleted during the evaluation")
	}
	if err != nil {
		return nil, fmt.Errorf("find model %s: %w", c.state.Candidate, err)
	}
	if c.state.Verdict.Promoted && !model.Tainted.IsZero() {
		c.state.Verdict = &learn.Decision{Reason: refusedTainted}
	}
	if c.state.Verdict.Promoted {
		return p.promote(ctx, c, model)
	}
	return p.reject(ctx, c, model)
}

// promote gives the candidate the alias' traffic, unless the alias was changed
// while the candidate was evaluated against what served then.
func (p *promoter) promote(ctx context.Context, c *tuneRun, model learn.Model) (*tasks.End, error) {
	route, err := c.run.Store.Route(ctx, c.tune.Tenant, c.tune.Alias)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return nil, fmt.Errorf("find route %s: %w", c.tune.Alias, err)
	}
	if serving := c.primary(route); serving != c.state.Incumbent {
		return c.superseded(serving), nil
	}
	host, err := p.vendors.Host(model.Provider)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	if err := inService(ctx, host, &model); err != nil {
		return nil, handlers.Failure(err)
	}
	if p.plan != nil {
		return p.begin(c, route, model), nil
	}
	end, err := c.decided(true, "%s", c.state.Verdict.Reason)
	if err != nil {
		return nil, err
	}
	end.Write = func(ctx context.Context, q *store.Queries) error { return p.writePromotion(ctx, q, c, route, model) }
	return end, nil
}

// lookEvery is how often a tune looks how far its canary is, which others move.
const lookEvery = 10 * time.Second

// begin begins the candidate's canary: with its shadow, or with the first share where none is planned.
func (p *promoter) begin(c *tuneRun, route learn.Route, model learn.Model) *tasks.End {
	trial := canary.Canary{
		ID: db.NewID("can_"), Tenant: c.tune.Tenant, Alias: c.tune.Alias, Tune: c.tune.ID, Candidate: model.Name,
		Champion: c.state.Incumbent, Plan: *p.plan, State: canary.Running, Reason: c.state.Verdict.Reason,
		Route: canary.Route{
			Before: route.Targets, After: p.promoted(c, route, model.Name), Version: route.Version, Origin: route.Origin,
		},
	}
	if len(trial.Route.Before) == 0 {
		trial.Route.Before = []learn.RouteTarget{{Model: c.tune.Base, Weight: 1}}
	}
	if p.plan.Pairs.Planned() {
		trial.State, trial.Step = canary.Shadow, canary.BeforeSteps
	}
	c.state.Canary = trial.ID
	return &tasks.End{State: job.StateWaiting, After: lookEvery, Write: func(ctx context.Context, q *store.Queries) error {
		if _, err := store.PlaceCanary(ctx, q, trial); err != nil {
			return err
		}
		if err := q.ServeModel(ctx, model.Name, model.NanoPerHour); err != nil {
			return fmt.Errorf("begin the canary of %s: %w", model.Name, err)
		}
		return c.write(ctx, q)
	}}
}

// follow waits for the end of a canary. Where that is no promotion it returns nothing, and the
// verdict is against the candidate.
func (p *promoter) follow(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	trial, err := c.run.Store.Canary(ctx, c.tune.Tenant, c.state.Canary)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find canary %s: %w", c.state.Canary, err)
	case trial.State.Open():
		return c.pairs(ctx, trial)
	case trial.State == canary.Promoted:
		return c.decided(true, "%s; canary: %s", c.state.Verdict.Reason, trial.Reason)
	}
	if busy, err := c.state.Pairs.Busy(ctx, c.run); err != nil {
		return nil, err
	} else if busy {
		return c.look(), nil
	}
	c.state.Verdict = &learn.Decision{Reason: "canary: " + trial.Reason}
	route, err := c.run.Store.Route(ctx, c.tune.Tenant, c.tune.Alias)
	if err != nil {
		return nil, fmt.Errorf("find route %s: %w", c.tune.Alias, err)
	}
	if route.Names(trial.Candidate) { // by hand
		return c.decided(false, "%s", c.state.Verdict.Reason)
	}
	return nil, nil
}

// look waits for the next look at a canary.
func (c *tuneRun) look() *tasks.End {
	return &tasks.End{State: job.StateWaiting, After: lookEvery, Write: c.write}
}

// pairs has more pairs of answers judged while the canary waits for them.
func (c *tuneRun) pairs(ctx context.Context, trial canary.Canary) (*tasks.End, error) {
	next, err := c.state.Pairs.Next(ctx, c.run, trial)
	if err != nil {
		return nil, err
	}
	end := c.look()
	if next.Input != nil {
		work := child(&c.run.Job, tasks.TuneShadow, next.Input)
		work.ID, work.Cites = c.state.Pairs.Job, next.Input.Experiences()
		end.Children = []job.NewJob{work}
	}
	if next.Paused != nil {
		end.Write = func(ctx context.Context, q *store.Queries) error {
			_, err := store.MoveCanary(ctx, q, trial, *next.Paused, c.tune.ID)
			if err != nil && !errors.Is(err, db.ErrConflict) { // it was moved just now: the next look sees
				return err
			}
			return c.write(ctx, q)
		}
	}
	return end, nil
}

// inService puts a model's deployment on the terms of service and gives it traffic, and notes
// what an hour of it costs from now on.
func inService(ctx context.Context, host providers.Host, model *learn.Model) error {
	if keeper, ok := host.(providers.Keeper); ok {
		kept, err := keeper.Keep(ctx, model.Handle)
		if err != nil {
			return err
		}
		model.NanoPerHour = kept.NanoPerHour
	}
	if traffic, ok := host.(providers.Traffic); ok {
		return traffic.SetTraffic(ctx, model.Handle, true)
	}
	return nil
}

// superseded turns a promotion into a dismissal: what the candidate was compared
// with does not serve any more.
func (c *tuneRun) superseded(serving string) *tasks.End {
	c.state.Verdict = &learn.Decision{Reason: fmt.Sprintf(
		"the route of %s was changed to %s during the evaluation: tune again", c.tune.Alias, serving)}
	return c.next(stageCanary)
}

// writePromotion replaces the compared model by the candidate, if the route is still the one
// that was read. The tenant's version number continues the common route's, so that a writer
// that read that one cannot overwrite this.
func (p *promoter) writePromotion(
	ctx context.Context, q *store.Queries, c *tuneRun, seen learn.Route, model learn.Model,
) error {
	next := learn.Route{
		Tenant: c.tune.Tenant, Alias: c.tune.Alias, Author: c.tune.ID, Reason: c.state.Verdict.Reason,
		Targets: p.promoted(c, seen, model.Name), Version: seen.Version,
	}
	if _, err := q.SetRoute(ctx, next); err != nil {
		return fmt.Errorf("promote %s: %w", model.Name, err)
	}
	if err := q.ServeModel(ctx, model.Name, model.NanoPerHour); err != nil {
		return fmt.Errorf("promote %s: %w", model.Name, err)
	}
	if _, err := q.Announce(ctx, c.tune.Tenant, "route.promoted", map[string]any{
		"object": "route", "alias": c.tune.Alias, "model": model.Name, "tune": c.tune.ID, "reason": next.Reason,
	}); err != nil {
		return fmt.Errorf("tell of the promotion of %s: %w", model.Name, err)
	}
	return c.write(ctx, q)
}

// reject stops the candidate's deployment and ends the tune.
func (p *promoter) reject(ctx context.Context, c *tuneRun, model learn.Model) (*tasks.End, error) {
	stopped, err := p.stopper.stopModel(ctx, c.run.Store, model)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	if c.state.Stops++; !stopped && c.state.Stops < maxStops {
		return &tasks.End{State: job.StateWaiting, After: p.pollEvery, Write: c.write}, nil
	}
	return c.decided(false, "%s", c.state.Verdict.Reason)
}

// promoted are the route's targets with the candidate as the primary. Where it is the only one,
// others stand in for it while it does not run or fails: first the base, which has the tenant's
// memory as all models of an alias, then the lead.
func (p *promoter) promoted(c *tuneRun, route learn.Route, candidate string) []learn.RouteTarget {
	targets := route.WithPrimary(candidate)
	if len(targets) > 1 {
		return targets
	}
	ladder := []learn.RouteTarget{{Model: candidate, Weight: 1}}
	for _, model := range []string{c.tune.Base, p.lead} {
		if model != "" && model != ladder[len(ladder)-1].Model {
			ladder = append(ladder, learn.RouteTarget{Model: model, Weight: 1, Tier: len(ladder)})
		}
	}
	return ladder
}
