package dream

import (
	"context"
	"fmt"
	"math"

	"dreamlab/store"
	"dreamlab/store/learn"
	"dreamlab/store/money"
)

// A dream makes up more, or fewer, conversations than otherwise by what such rows have returned in exams, once
// fewestExams tunes have learned from them and as many from others. It never makes up less than half nor more than
// twice as many, since exams err and what pays changes.
const (
	fewestExams = 3
	leastMoved  = 0.5
	mostMoved   = 2.0
)

// moved is how far a dream's money moves to what it makes up, and why.
type moved struct {
	Times float64 `json:"imagined_times"`
	Why   string  `json:"why"`
}

// movedBy reads what the sources have returned.
func movedBy(ctx context.Context, q *store.Queries, tenant string) (moved, error) {
	all, err := q.Returns(ctx, tenant)
	if err != nil {
		return moved{}, fmt.Errorf("read what examples returned: %w", err)
	}
	return moveOf(all), nil
}

// moveOf holds what imagined rows returned for their money against all others, but for what users corrected.
func moveOf(all []store.Return) moved {
	var imagined, others store.Return
	for _, r := range all {
		switch r.Source {
		case learn.ExampleImagined:
			imagined = r
		case authorUser:
		default:
			others.Nano += r.Nano
			others.Points += r.Points
			others.Tunes = max(others.Tunes, r.Tunes)
		}
	}
	if imagined.Tunes < fewestExams || others.Tunes < fewestExams {
		return moved{1, fmt.Sprintf("as many as always: %d examined tunes learned from imagined rows and %d from others, and it takes %d",
			imagined.Tunes, others.Tunes, fewestExams)}
	}
	if imagined.Points+others.Points == 0 || imagined.Nano == 0 || others.Nano == 0 {
		return moved{1, "as many as always: no source has brought a point yet, or cost anything"}
	}
	times := mostMoved
	if others.Points > 0 {
		times = float64(imagined.Points) / float64(imagined.Nano) * float64(others.Nano) / float64(others.Points)
	}
	times = min(max(times, leastMoved), mostMoved)
	return moved{times, fmt.Sprintf("%.2f times as many as always: imagined rows brought %s for $%s, others %s for $%s",
		times, points(imagined.Points), money.USD(imagined.Nano), points(others.Points), money.USD(others.Nano))}
}

// authorUser is the source of what users corrected: no money can be moved there.
const authorUser = "user"

func points(n int64) string { return fmt.Sprintf("%d.%02d points", n/100, n%100) }

// variants is how many conversations a dream makes up of so many weak ones.
func (m moved) variants(weak int) int {
	of := func(n int) int { return int(math.Round(float64(n) * m.Times)) }
	return min(weak, max(of(weak)/perImagined, 1), of(mostImagined))
}
