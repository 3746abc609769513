package learn

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// tiers returns the targets by tier, the first to be tried first. Within a tier they keep the
// order of the route.
func (r Route) tiers() [][]RouteTarget {
	sorted := slices.Clone(r.Targets)
	slices.SortStableFunc(sorted, func(a, b RouteTarget) int { return a.Tier - b.Tier })
	var tiers [][]RouteTarget
	for i, t := range sorted {
		if i == 0 || t.Tier != sorted[i-1].Tier {
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], t)
	}
	return tiers
}

// Primary returns the target that gets most of the traffic: the one with the greatest weight in
// the first tier, the first among equals. It returns false for a route without targets.
func (r Route) Primary() (RouteTarget, bool) {
	at := r.primary()
	if at < 0 {
		return RouteTarget{}, false
	}
	return r.Targets[at], true
}

func (r Route) primary() int {
	best := -1
	for i, t := range r.Targets {
		if best < 0 || t.Tier < r.Targets[best].Tier ||
			t.Tier == r.Targets[best].Tier && t.Weight > r.Targets[best].Weight {
			best = i
		}
	}
	return best
}

// WithPrimary returns the route's targets with another model in the primary's
// place: its weight and tier, and all other targets, stay as they are.
func (r Route) WithPrimary(model string) []RouteTarget {
	targets := slices.Clone(r.Targets)
	if at := r.primary(); at >= 0 {
		targets[at].Model = model
	}
	return targets
}

// WithShare returns the route's targets with a canary that gets a share, in per cent, of what the
// primary has. The other targets keep their part of the tier.
func (r Route) WithShare(model, canary string, share int) []RouteTarget {
	at := r.primary()
	if at < 0 {
		return nil
	}
	targets := slices.Clone(r.Targets)
	weight, tier := max(targets[at].Weight, 1), targets[at].Tier
	for i := range targets {
		if targets[i].Tier == tier {
			targets[i].Weight *= 100
		}
	}
	targets[at].Weight = weight * (100 - share)
	return slices.Insert(targets, at, RouteTarget{Model: model, Weight: weight * share, Tier: tier, Canary: canary})
}

// Canary returns the target that a canary is made of, and otherwise the one with the least weight
// in the first tier, the last among equals, with its share in ten-thousandths. It returns false where one target gets all of that
// traffic.
func (r Route) Canary() (least RouteTarget, share int, found bool) {
	tiers := r.tiers()
	if len(tiers) == 0 {
		return least, 0, false
	}
	served, sum := 0, 0
	for _, t := range tiers[0] {
		if t.Weight <= 0 {
			continue
		}
		if least.Canary == "" && (served == 0 || t.Weight <= least.Weight || t.Canary != "") {
			least = t
		}
		served, sum = served+1, sum+t.Weight
	}
	if served < 2 {
		return RouteTarget{}, 0, false
	}
	return least, least.Weight * 10_000 / sum, true
}

// Choose returns the models in the order in which they are asked: of each tier first one that
// is chosen by weight, then the others of the tier as fallbacks. The same sticky text, such as
// a conversation's id, chooses the same models.
func (r Route) Choose(sticky string) [][]string {
	return r.order(sticky, func([]RouteTarget) bool { return true })
}

// ChooseWeighted is Choose for a route whose weights decide only where they differ: a tier of
// equal weights is left as it is, to be ordered by other means.
func (r Route) ChooseWeighted(sticky string) [][]string {
	return r.order(sticky, func(tier []RouteTarget) bool {
		return slices.ContainsFunc(tier, func(t RouteTarget) bool {
			return t.Weight != tier[0].Weight || t.Canary != ""
		})
	})
}

// order splits the tiers in which the weights decide.
func (r Route) order(sticky string, weighted func(tier []RouteTarget) bool) [][]string {
	var order [][]string
	for _, tier := range r.tiers() {
		if !weighted(tier) {
			order = append(order, modelsOf(tier))
			continue
		}
		chosen := choose(tier, sticky)
		order = append(order, []string{tier[chosen].Model})
		var others []string
		for i, t := range tier {
			if i != chosen {
				others = append(others, t.Model)
			}
		}
		if len(others) > 0 {
			order = append(order, others)
		}
	}
	return order
}

func modelsOf(tier []RouteTarget) []string {
	models := make([]string, len(tier))
	for i, t := range tier {
		models[i] = t.Model
	}
	return models
}

// choose picks a target of a tier by weight. The same sticky text picks the same target. A canary
// shares the place of its champion, which stands behind it: a hash of its own divides them, so that
// the share of either has other conversations in each canary, and all other targets keep theirs.
func choose(tier []RouteTarget, sticky string) int {
	chosen := chooseByWeight(tier, sticky)
	at := slices.IndexFunc(tier, func(t RouteTarget) bool { return t.Canary != "" })
	if at < 0 || at+1 >= len(tier) || chosen != at && chosen != at+1 {
		return chosen
	}
	hash := sha256.Sum256([]byte(tier[at].Canary + "\n" + sticky))
	point := binary.BigEndian.Uint64(hash[:]) % uint64(max(tier[at].Weight+tier[at+1].Weight, 1))
	if point < uint64(tier[at].Weight) {
		return at
	}
	return at + 1
}

func chooseByWeight(tier []RouteTarget, sticky string) int {
	sum := 0
	for _, t := range tier {
		sum += max(t.Weight, 0)
	}
	if sum == 0 {
		return 0
	}
	hash := fnv.New64a()
	hash.Write([]byte(sticky)) // never fails
	point := int(hash.Sum64() % uint64(sum))
	for i, t := range tier {
		if point -= max(t.Weight, 0); point < 0 {
			return i
		}
	}
	return 0
}
