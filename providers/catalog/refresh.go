package catalog

import (
	"cmp"
	"slices"
	"time"

	"dreamlab/providers"
)

// Changes are what a vendor's own list of models says and the catalogue does not.
type Changes struct {
	New     []Model // listed, and without an entry
	Changed []Model // with the limits of the list
	Gone    []Model // served as far as the catalogue knows, and missing in a list that names all
}

// Compare holds a vendor's list against the catalogue. A list that is empty says nothing.
func (c *Catalog) Compare(provider string, listed []providers.ModelInfo, at time.Time) Changes {
	var changes Changes
	served := map[string]bool{}
	for _, info := range listed {
		served[info.ID] = true
		m, known := c.entry(provider, info.ID)
		switch {
		case !known:
			changes.New = append(changes.New, fromList(provider, info, at))
		case limitsDiffer(m, info):
			m.Context, m.MaxOutput = cmp.Or(info.ContextLength, m.Context), cmp.Or(info.MaxOutput, m.MaxOutput)
			changes.Changed = append(changes.Changed, m)
		}
	}
	if len(listed) > 0 && c.WholeList(provider) {
		changes.Gone = c.missing(provider, served, at)
	}
	slices.SortFunc(changes.New, byID)
	slices.SortFunc(changes.Changed, byID)
	return changes
}

func byID(a, b Model) int { return cmp.Compare(a.ID, b.ID) }

// entry returns the model's own entry, and not the one for any model.
func (c *Catalog) entry(provider, model string) (Model, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.at(key{provider, model})
}

func fromList(provider string, info providers.ModelInfo, at time.Time) Model {
	return Model{
		Provider: provider, ID: info.ID, Status: Active, Context: info.ContextLength, MaxOutput: info.MaxOutput,
		Checked: at, Note: "from the vendor's list of models, which has no prices: add them",
	}
}

func limitsDiffer(m Model, info providers.ModelInfo) bool {
	differ := func(known, listed int) bool { return listed > 0 && known != listed }
	return differ(m.Context, info.ContextLength) || differ(m.MaxOutput, info.MaxOutput)
}

func (c *Catalog) missing(provider string, served map[string]bool, at time.Time) (gone []Model) {
	for _, m := range c.Models() {
		if m.Provider == provider && !served[m.ID] && !m.RetiredAt(at) {
			m.GoneAt = at
			gone = append(gone, m)
		}
	}
	return gone
}
