package providers

import (
	"cmp"
	"math"
	"slices"
)

// Account is a key of a vendor that has several.
type Account struct {
	Name   string // as [Target.Account]; "" for the vendor's first
	Weight int    // its share of the vendor's calls; of 0 it is asked after the others
	Driver Driver
}

// spread returns a choice once for each key of its vendor, the one to be asked first
// before the others. Which that is, chance decides by the weights.
func (r *Router) spread(choice Choice) []Choice {
	accounts := r.accounts[choice.Target.Provider]
	if len(accounts) == 0 || choice.Target.Account != "" {
		return []Choice{choice}
	}
	type drawn struct {
		Choice
		place float64
	}
	all := make([]drawn, len(accounts))
	for i, account := range accounts {
		choice.Target.Account = account.Name
		all[i] = drawn{choice, r.place(account.Weight)}
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(a.place, b.place) })
	choices := make([]Choice, len(all))
	for i, one := range all {
		choices[i] = one.Choice
	}
	return choices
}

// place draws a waiting time at a rate of weight: the shortest of several is each one's as
// often as its part of their weights says.
func (r *Router) place(weight int) float64 {
	if weight <= 0 {
		return math.Inf(1)
	}
	return -math.Log(1-r.rand()) / float64(weight)
}

// driver returns the driver that asks a target.
func (r *Router) driver(target Target) Driver {
	for _, account := range r.accounts[target.Provider] {
		if account.Name == target.Account {
			return account.Driver
		}
	}
	return r.drivers[target.Provider]
}

// ofVendor tells whether a failure would befall the vendor's other keys, too.
func (k Kind) ofVendor() bool {
	switch k {
	case KindServer, KindCapacity, KindTimeout, KindTruncated:
		return true
	}
	return false
}

// spareSiblings leaves the same model alone for the vendor's other keys, too, where a
// failure is the vendor's: another vendor is better asked.
func (run *run) spareSiblings(failed *candidate, e *Error) {
	if !e.Kind.ofVendor() {
		return
	}
	for _, c := range run.candidates {
		if c == failed || c.target.Provider != failed.target.Provider || c.target.Model != failed.target.Model {
			continue
		}
		c.dead = c.dead || failed.dead
		if failed.notBefore.After(c.notBefore) {
			c.notBefore = failed.notBefore
		}
	}
}
