package handlers

import (
	"context"
	"time"
)

// Repeat calls round after each pause until ctx ends, and then returns nil. The context of a
// round ends after the timeout.
func Repeat(ctx context.Context, pause, timeout time.Duration, round func(context.Context)) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, timeout)
		round(bounded)
		cancel()
	}
}
