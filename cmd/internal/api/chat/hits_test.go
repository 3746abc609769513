package chat

import (
	"context"
	"errors"
	"testing"

	"github.com/rs/zerolog"
)

// TestHitsAreStoredTogether stores the hits of a dream in one statement, at the latest when the process stops, and
// keeps what could not be stored.
func TestHitsAreStoredTogether(t *testing.T) {
	t.Parallel()
	away := true
	stored := map[dreamOf]hit{}
	h := newHits(func(_ context.Context, tenant, dream string, hits, saved int64) error {
		if away {
			away = false
			return errors.New("away")
		}
		stored[dreamOf{tenant, dream}] = hit{hits, saved}
		return nil
	})
	h.add("ten_1", "drm_1", 7)
	h.flush(t.Context(), zerolog.Nop())
	h.add("ten_1", "drm_1", 8)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	h.keep(stopped, zerolog.Nop())
	if got := stored[dreamOf{"ten_1", "drm_1"}]; got != (hit{2, 15}) || len(h.open) != 0 {
		t.Errorf("%v, left %v", stored, h.open)
	}
}
