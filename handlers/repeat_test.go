package handlers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/handlers"
)

// TestRepeat has the second of three rounds hang: it ends after the timeout.
func TestRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began, rounds := time.Now(), 0
		err := handlers.Repeat(ctx, time.Minute, 10*time.Second, func(ctx context.Context) {
			rounds++
			switch rounds {
			case 2:
				<-ctx.Done()
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
					t.Errorf("the round ended with %v", ctx.Err())
				}
			case 3:
				cancel()
			}
		})
		if took := time.Since(began); err != nil || rounds != 3 || took != 3*time.Minute {
			t.Errorf("%d rounds in %s, %v", rounds, took, err)
		}
	})
}
