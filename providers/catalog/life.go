package catalog

import (
	"strings"
	"time"
)

// RetiredAt tells whether the model is no longer served at a time.
func (m Model) RetiredAt(at time.Time) bool {
	if !m.ShutdownAt.IsZero() {
		return !at.Before(m.ShutdownAt)
	}
	return m.Status == Retired
}

// SoonWithin is how long before its end a model is reported.
const SoonWithin = 30 * 24 * time.Hour

// EndsSoon tells whether the model is served at a time and shut down within
// [SoonWithin] of it.
func (m Model) EndsSoon(at time.Time) bool {
	return !m.ShutdownAt.IsZero() && !m.RetiredAt(at) && m.ShutdownAt.Sub(at) <= SoonWithin
}

// State says in one word where the model is in its life at a time: active, retiring,
// retired, or gone, which the vendor itself says.
func (m Model) State(at time.Time) string {
	switch {
	case !m.GoneAt.IsZero():
		return "gone"
	case m.RetiredAt(at):
		return "retired"
	case !m.ShutdownAt.IsZero():
		return "retiring"
	}
	return "active"
}

// MarkGone notes that a vendor says it has no such model (any more). It tells whether that
// is news. A name that has no entry of its own is not noted: it never was a model.
func (c *Catalog) MarkGone(provider, model string, since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := key{provider, model}
	_, known := c.at(k)
	_, noted := c.gone[k]
	if !known || noted {
		return false
	}
	c.gone[k] = since
	return true
}

// SetGone replaces all marks by those that are given, by provider/model.
func (c *Catalog) SetGone(marks map[string]time.Time) {
	gone := map[key]time.Time{}
	for name, since := range marks {
		provider, id, _ := strings.Cut(name, "/")
		gone[key{provider, id}] = since
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = gone
}

// WholeList tells whether the vendor's own list names every model that it serves.
func (c *Catalog) WholeList(provider string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.facts.whole[provider]
}

// Replacement follows the chain of replacements of a model to the first that
// is served at a time. It returns false where there is none, and the model
// itself where that is still served.
func (c *Catalog) Replacement(provider, model string, at time.Time) (Model, bool) {
	seen := map[string]bool{}
	for !seen[model] {
		seen[model] = true
		m, ok := c.Find(provider, model)
		if !ok {
			return Model{}, false
		}
		if m.GoneAt.IsZero() && !m.RetiredAt(at) {
			return m, true
		}
		if m.Replacement == "" {
			return Model{}, false
		}
		model = m.Replacement
	}
	return Model{}, false
}

// Successor returns the model that answers for one of which its vendor says that it is
// gone, or that is over and has no price, so that it can not be asked: the first in the
// chain of replacements that is served at a time. It returns false for any other model,
// whatever day the catalogue has for its end, and where no replacement is known.
func (c *Catalog) Successor(provider, model string, at time.Time) (string, bool) {
	m, _ := c.Find(provider, model)
	if m.GoneAt.IsZero() && (len(m.Prices) > 0 || !m.RetiredAt(at)) {
		return "", false
	}
	next, ok := c.Replacement(provider, model, at)
	return next.ID, ok
}
