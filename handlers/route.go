package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// Policy says how the targets of an alias are chosen, where no weights decide.
type Policy struct {
	Order  providers.Policy // "" where weights decide in every tier
	Hedge  time.Duration    // as in [providers.Call]
	Spread bool             // calls of one conversation need not stay at one target
}

// hedge returns after how long another target is asked beside the first; 0 for never, as
// where no client waits: a second answer would be paid for nobody.
func (c *Caller) hedge(run *tasks.Run, step *Step) time.Duration {
	if !run.Job.Attached {
		return 0
	}
	return c.policy[step.Alias].Hedge
}

// conversation names what the calls of one conversation for an alias have in common; ""
// where they need not stay at one target.
func (c *Caller) conversation(run *tasks.Run, step *Step) string {
	if c.policy[step.Alias].Spread || step.Conversation == "" {
		return ""
	}
	return run.Job.Tenant + "/" + step.Alias + "/" + step.Conversation
}

// Resolve returns the targets of a model's name for a tenant: those of an
// alias, a tuned model of the tenant's, or a model of the catalogue named
// provider/model. Of an alias' targets one is chosen by weight; sticky text (a
// conversation's id) always gets the same one, and the others are fallbacks. It
// fails with model_not_found.
func (c *Caller) Resolve(ctx context.Context, q *store.Queries, tenant, model, sticky string) (
	[][]providers.Target, error,
) {
	route, err := c.routes.Get(ctx, named{tenant, model}, func(ctx context.Context) (learn.Route, error) {
		return q.Route(ctx, tenant, model)
	})
	if err == nil {
		return c.routed(ctx, q, tenant, route, sticky)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return nil, fmt.Errorf("find route %s: %w", model, err)
	}
	target, err := c.target(ctx, q, tenant, model)
	if err != nil {
		return nil, err
	}
	return [][]providers.Target{{target}}, nil
}

// Routed is Resolve for an alias whose targets are known. Where none of them is
// left the alias has others by now, and is looked up.
func (c *Caller) Routed(ctx context.Context, q *store.Queries, tenant string, route learn.Route, sticky string) (
	[][]providers.Target, error,
) {
	tiers, err := c.routed(ctx, q, tenant, route, sticky)
	if Failed(err, "model_not_found") {
		return c.Resolve(ctx, q, tenant, route.Alias, sticky)
	}
	return tiers, err
}

// target finds one model by the name provider/model.
func (c *Caller) target(ctx context.Context, q *store.Queries, tenant, name string) (
	providers.Target, error,
) {
	provider, model, ok := strings.Cut(name, "/")
	if !ok {
		return providers.Target{}, unknown(name, "use an alias, or provider/model as GET /v1/models lists them")
	}
	if c.prices != nil {
		if _, err := c.prices.Price(provider, model, c.now()); err == nil {
			return providers.Target{Provider: provider, Model: model}, nil
		}
	}
	tuned, err := c.models.Get(ctx, named{tenant, name}, func(ctx context.Context) (learn.Model, error) {
		return q.Model(ctx, tenant, name)
	})
	switch {
	case err == nil && tuned.State == learn.ModelStopped:
		return providers.Target{}, unknown(name, "this tuned model was stopped: use its alias")
	case err == nil && tuned.State == learn.ModelTrained:
		return providers.Target{}, tasks.Fail("model_not_found", "the tuned model %q is not deployed: "+
			"let a tune serve one by POST /v1/tunes, or ask its base %s", name, tuned.Base)
	case err == nil:
		return tunedTarget(provider, model, tuned), nil
	case !errors.Is(err, db.ErrNotFound):
		return providers.Target{}, fmt.Errorf("find model %s: %w", name, err)
	case c.prices == nil:
		return providers.Target{Provider: provider, Model: model}, nil
	}
	return providers.Target{}, unknown(name, "use a model that GET /v1/models lists")
}

func tunedTarget(provider, name string, tuned learn.Model) providers.Target {
	target := providers.Target{
		Provider: provider, Model: name, Priced: tuned.Priced, Hosted: tuned.NanoPerHour > 0 && !tuned.PerToken,
	}
	if tuned.Standby() {
		target.Standby = tuned.State
	}
	return target
}

func unknown(name, advice string) *tasks.Failure {
	return tasks.Fail("model_not_found", "there is no model %q: %s", name, advice)
}

// routed puts an alias' targets in the order in which they are asked.
func (c *Caller) routed(
	ctx context.Context, q *store.Queries, tenant string, route learn.Route, sticky string,
) ([][]providers.Target, error) {
	var tiers [][]providers.Target
	var last error
	choose := route.Choose
	if c.policy[route.Alias].Order != "" {
		choose = route.ChooseWeighted
	}
	for _, members := range choose(sticky) {
		var targets []providers.Target
		for _, name := range members {
			target, err := c.target(ctx, q, tenant, name)
			if Failed(err, "model_not_found") {
				last = err // a stopped model stands aside; the alias goes on
				continue
			}
			if err != nil {
				return nil, err
			}
			targets = append(targets, target)
		}
		if len(targets) > 0 {
			tiers = append(tiers, targets)
		}
	}
	if len(tiers) > 0 {
		return tiers, nil
	}
	if last == nil {
		last = unknown(route.Alias, "its route has no target: set one by PUT /v1/routes/"+route.Alias)
	}
	return nil, last
}

// Failed tells whether err is a failure of that code.
func Failed(err error, code string) bool {
	var f *tasks.Failure
	return errors.As(err, &f) && f.Code == code
}
