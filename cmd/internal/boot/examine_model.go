package boot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers/catalog"
	"dreamlab/store/redis"
)

// namedModels are the models of the team and the routes, by provider/model.
func namedModels(c *config.Config) []string {
	named := map[string]bool{c.Team.Lead: true, c.Team.Base: true}
	for _, model := range []string{c.Team.Judge, c.Team.Verifier} {
		if model != "" {
			named[model] = true
		}
	}
	for _, targets := range c.Routes {
		for _, target := range targets {
			named[target.Model] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// examinePrices looks for models that traffic may reach and that have no price.
func examinePrices(c *config.Config) (string, error) {
	known, err := OpenCatalog(c)
	if err != nil {
		return "", err
	}
	var fault error
	named := namedModels(c)
	for _, name := range named {
		provider, model, _ := strings.Cut(name, "/")
		if _, err := known.Price(provider, model, time.Now()); err != nil {
			fault = errors.Join(fault, err)
		}
	}
	return fmt.Sprintf("known for all %d models of the team and the routes", len(named)), fault
}

// examineLives looks for models that are no longer served, or not for long: those that are
// named have to be replaced, and of all others that can be asked for the end is told.
func examineLives(ctx context.Context, c *config.Config, now time.Time) (string, error) {
	known, err := OpenCatalog(c)
	if err != nil {
		return "", err
	}
	if err := learnGone(ctx, c, known, now); err != nil {
		return "", err
	}
	var fault error
	var advice []string
	named, open := namedModels(c), OpenVendors(c)
	for _, name := range named {
		provider, id, _ := strings.Cut(name, "/")
		told, err := lifeOf(known, provider, id, now)
		fault = errors.Join(fault, err)
		if told != "" {
			advice = append(advice, told)
		}
	}
	for _, m := range known.Models() {
		name := m.Provider + "/" + m.ID
		if m.EndsSoon(now) && slices.Contains(open, m.Provider) && !slices.Contains(named, name) {
			advice = append(advice, endOf(name, m))
		}
	}
	detail := fmt.Sprintf("the vendors serve all %d of the team and the routes, as far as is known", len(named))
	if len(advice) > 0 {
		detail += adviceMark + strings.Join(advice, "; ")
	}
	return detail, fault
}

// learnGone adds to the catalogue what the running processes heard of models, where they
// share a Redis. One that is away is told of as the queue.
func learnGone(ctx context.Context, c *config.Config, known *catalog.Catalog, now time.Time) error {
	if c.Redis == "" {
		return nil
	}
	queue, missed := redis.Open(c.Redis)
	if missed != nil {
		return nil
	}
	gone, missed := redis.NewGone(queue.Client).Models(ctx, now)
	if missed == nil {
		known.SetGone(gone)
	}
	return queue.Close()
}

// lifeOf tells of a named model that ends or has ended: as a fault where nothing answers
// for it.
func lifeOf(known *catalog.Catalog, provider, id string, now time.Time) (advice string, fault error) {
	m, _ := known.Find(provider, id)
	name := provider + "/" + id
	next, replaced := known.Successor(provider, id, now)
	switch {
	case !m.GoneAt.IsZero() && replaced:
		return fmt.Sprintf("%s is gone, as its vendor says since %s: %s/%s answers, name it instead",
			name, dayOf(m.GoneAt), provider, next), nil
	case !m.GoneAt.IsZero():
		return "", fmt.Errorf("%s is gone, as its vendor says since %s: name another", name, dayOf(m.GoneAt))
	case m.RetiredAt(now) && m.Replacement != "":
		return "", fmt.Errorf("%s is no longer served: use %s/%s", name, provider, m.Replacement)
	case m.RetiredAt(now):
		return "", fmt.Errorf("%s is no longer served: name another", name)
	case m.EndsSoon(now):
		return endOf(name, m), nil
	}
	return "", nil
}

func endOf(name string, m catalog.Model) string {
	text := name + " is shut down on " + dayOf(m.ShutdownAt)
	if m.Replacement != "" {
		text += ": use " + m.Provider + "/" + m.Replacement
	}
	return text
}

func dayOf(at time.Time) string { return at.UTC().Format(time.DateOnly) }
