package operate

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/book"
	"dreamlab/store/money"
)

// PlanLine is a line of the plan of what a month costs.
type PlanLine struct {
	Name      string
	Low, High money.USD
	// Purposes are what the books count on it; none: the books do not know it.
	Purposes []string
}

// projection is what the month comes to if it goes on as it went so far.
type projection struct {
	Month     string         `json:"month"` // 2026-01, in the tenant's zone
	Spent     money.USD      `json:"spent_usd"`
	Projected money.USD      `json:"projected_usd"`
	Lines     []projectedRow `json:"lines"`
}

type projectedRow struct {
	Line      string     `json:"line"`
	PlanLow   money.USD  `json:"plan_low_usd"`
	PlanHigh  money.USD  `json:"plan_high_usd"`
	Spent     *money.USD `json:"spent_usd"` // null: the books do not know it
	Projected *money.USD `json:"projected_usd"`
}

// project sums the month so far by the plan's lines.
func (h Usage) project(c *wire.Call, zone *time.Location) (*projection, error) {
	now := h.now().In(zone)
	month := book.Budget{Monthly: true}
	began, ends := month.Since(now), month.Until(now)
	sums, err := h.store.CommittedByPurpose(c.Context(), c.Tenant, began)
	if err != nil {
		return nil, fmt.Errorf("sum the month: %w", err)
	}
	p := &projection{Month: began.Format("2006-01"), Lines: make([]projectedRow, len(h.plan))}
	spent := func(purposes []string) (all int64) {
		for purpose, sum := range sums {
			if purposes == nil || slices.Contains(purposes, purpose) {
				all += sum
			}
		}
		return all
	}
	onward := func(nano int64) money.USD { return money.USD(extended(nano, now.Sub(began), ends.Sub(began))) }
	p.Spent, p.Projected = money.USD(spent(nil)), onward(spent(nil))
	for i, line := range h.plan {
		p.Lines[i] = projectedRow{Line: line.Name, PlanLow: line.Low, PlanHigh: line.High}
		if len(line.Purposes) > 0 {
			so := spent(line.Purposes)
			p.Lines[i].Spent, p.Lines[i].Projected = new(money.USD(so)), new(onward(so))
		}
	}
	return p, nil
}

// extended carries what was spent in a part of a month on to all of it. The first day counts
// whole, so that one call at its beginning does not become a fortune.
func extended(nano int64, part, whole time.Duration) int64 {
	part = min(max(part, 24*time.Hour), whole)
	high, low := bits.Mul64(uint64(max(0, nano)), uint64(whole/time.Second))
	seconds := uint64(part / time.Second)
	if high >= seconds {
		return nano // more money than there is
	}
	all, _ := bits.Div64(high, low, seconds)
	return int64(min(all, 1<<63-1))
}
