package learn

import (
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

// Canary returns the target with the least weight in the first tier, the last among equals,
// with its share in ten-thousandths. It returns false where one target gets all of that
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
		if served == 0 || t.Weight <= least.Weight {
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
		return slices.ContainsFunc(tier, func(t RouteTarget) bool { return t.Weight != tier[0].Weight })
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

// choose picks a target of a tier by weight. The same sticky text picks the same target.
func choose(tier []RouteTarget, sticky string) int {
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
