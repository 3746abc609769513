package operate

import (
	"math"
	"testing"
	"time"
)

// TestExtended carries what was spent on to the whole of a month.
func TestExtended(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		nano int64
		part time.Duration
		want int64
	}{
		{0, 5 * day, 0}, {100, 15 * day, 200}, {100, 30 * day, 100}, {100, time.Minute, 3000}, {100, 0, 3000},
		{math.MaxInt64, day, math.MaxInt64}, {5_000_000_000_000_000_000, 10 * day, math.MaxInt64}, {-5, day, 0},
	} {
		if got := extended(c.nano, c.part, 30*day); got != c.want {
			t.Errorf("%d in %s becomes %d, want %d", c.nano, c.part, got, c.want)
		}
	}
}
