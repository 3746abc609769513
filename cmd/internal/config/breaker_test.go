package config

import (
	"strings"
	"testing"
)

// TestBreakerFaults tells all at once what is wrong with the settings of a dream's breaker.
func TestBreakerFaults(t *testing.T) {
	t.Parallel()
	_, err := load(t, "dream: {breaker: {window: -1, yield: 1.5, cost: 0.5, malformed: -0.1}}\n")
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, part := range []string{
		"dream.breaker.window (", "-1 is too few", "dream.breaker.yield (", "1.5 is no share", "dream.breaker.malformed (",
		"-0.1 is no share", "dream.breaker.cost (", "give 1 or more, or 0 to switch it off",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no fault says %q: %v", part, err)
		}
	}
	if _, err := load(t, "dream: {breaker: {window: 20, yield: 0, cost: 0, malformed: 0}}\n"); err != nil {
		t.Errorf("switched off: %v", err)
	}
}
