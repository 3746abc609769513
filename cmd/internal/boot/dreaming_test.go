package boot

import (
	"testing"

	"dreamlab/cmd/internal/config"
	"dreamlab/handlers/dream"
)

// TestBreakerOfTheConfiguration switches off what the configuration sets to 0, and hands on the rest.
func TestBreakerOfTheConfiguration(t *testing.T) {
	t.Parallel()
	s := &Stack{Config: config.Default()}
	if got, want := s.dreaming().Breaker, (dream.Breaker{Window: 100, Yield: 0.25, Cost: 4, Malformed: 0.25}); got != want {
		t.Errorf("by default %+v", got)
	}
	s.Config.Dream.Breaker = config.Breaker{Window: 7}
	if got, want := s.dreaming().Breaker, (dream.Breaker{Window: 7, Yield: -1, Cost: -1, Malformed: -1}); got != want {
		t.Errorf("switched off %+v", got)
	}
}
