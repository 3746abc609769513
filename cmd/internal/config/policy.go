package config

import (
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
)

// Policy says how one of an alias's targets is chosen. Targets of a tier whose weights
// differ are chosen by weight, whatever stands here.
type Policy struct {
	// Order prefers targets of a tier as they are listed (ordered), by what the request
	// costs there (cheapest), or by the first token and the rate that were observed
	// (fastest). Defaults to a choice by weight.
	Order string `yaml:"order,omitempty"`
	// Sticky keeps a conversation at one target of a tier for as long as that answers,
	// and brings it back to it. Defaults to true.
	Sticky *bool `yaml:"sticky,omitempty"`
	// Hedge asks a second target beside the first where that has shown nothing for so
	// long. The slower one is cancelled; both are paid for. Defaults to never.
	Hedge time.Duration `yaml:"hedge,omitempty"`
}

// The range of a hedge: below, nearly every call would be paid for twice.
const (
	minHedge = 100 * time.Millisecond
	maxHedge = time.Minute
)

func (l *loader) checkPolicies() {
	orders := []string{string(providers.Ordered), string(providers.Cheapest), string(providers.Fastest)}
	for _, alias := range sorted(l.Policies) {
		if hedge := l.Policies[alias].Hedge; hedge != 0 && (hedge < minHedge || hedge > maxHedge) {
			l.fault("policies.%s.hedge: %v is out of range: give %v to %v, or leave it out", alias, hedge, minHedge, maxHedge)
		}
		if order := l.Policies[alias].Order; order != "" && !slices.Contains(orders, order) {
			l.fault("policies.%s.order: %q is no order: use %s", alias, order, strings.Join(orders, ", "))
		}
	}
}
