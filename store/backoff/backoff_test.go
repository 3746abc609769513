package backoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	b := Bounds{First: time.Second, Max: 10 * time.Second}
	for failures, bound := range map[int]time.Duration{-1: 1, 0: 1, 1: 1, 2: 2, 4: 8, 5: 10, 90: 10} {
		for range 100 {
			if got := b.After(failures); got < 0 || got >= bound*time.Second {
				t.Errorf("pause of %s after %d failures", got, failures)
			}
		}
		if got := b.Draw(failures, func() float64 { return 0.5 }); got != bound*time.Second/2 {
			t.Errorf("half of the bound after %d failures is %s", failures, got)
		}
	}
	long := Bounds{First: 1 << 60, Max: 1 << 62}
	if got := long.Draw(9, func() float64 { return 0.5 }); got != 1<<61 {
		t.Errorf("a bound that does not fit became a pause of %s", got)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for range 100 {
		if got := Spread(time.Second); got < time.Second/2 || got > time.Second {
			t.Errorf("a second became %s", got)
		}
	}
	if got := Spread(0); got != 0 {
		t.Errorf("no pause became %s", got)
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("slept for %s: %v", time.Since(began), err)
		}
		why := errors.New("drained")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(why) })
		if err := Sleep(ctx, time.Hour); !errors.Is(err, why) || time.Since(began) != time.Hour+time.Minute {
			t.Errorf("woke after %s: %v", time.Since(began), err)
		}
	})
}
