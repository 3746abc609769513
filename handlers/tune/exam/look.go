package exam

import (
	"math"
	"time"

	"dreamlab/store/learn"
)

// million is all of something, in the millionths of an alpha.
const million = 1_000_000

// yearlyAlpha is the probability, in millionths, that a year of exams of models that are not
// better promotes one of them.
const yearlyAlpha = 50_000

// year is the time over which it is spent.
const year = 365 * 24 * time.Hour

// nights is how many exams a year are planned for.
const nights = 365

// Look is one exam among those of an alias in a year.
type Look = learn.Look

// NextLook is the look that follows the last one. Each look spends a part of the year's alpha:
// half of it falls off with the square of the number, so that the first exams can decide much,
// and half is spread evenly over the nights, so that the last ones can still decide. Bonferroni's
// inequality holds however alike the exams are. What a promotion spent is given to the look
// after it (the online fallback, https://doi.org/10.1177/0962280220983381).
func NextLook(last Look, promoted bool, now time.Time) Look {
	next := Look{Number: last.Number + 1, Since: last.Since}
	if last.Number == 0 || now.Sub(last.Since) >= year {
		return Look{Number: 1, Since: now, Alpha: spend(1)}
	}
	next.Alpha = spend(next.Number)
	if promoted {
		next.Alpha = min(next.Alpha+last.Alpha, yearlyAlpha)
	}
	return next
}

// spend is the part of the year's alpha that a look has.
func spend(number int) int64 {
	k := float64(number)
	weight := 6 / (math.Pi * math.Pi * k * k)
	if number <= nights {
		weight += 1.0 / nights
	}
	return int64(yearlyAlpha * weight / 2)
}
