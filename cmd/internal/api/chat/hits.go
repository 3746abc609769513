package chat

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// hitsEvery is how often hits are stored: what a process has not stored when it dies is not counted.
const hitsEvery = 2 * time.Second

// hits counts the chats that were answered by what dreams anticipated, so that a chat waits for no statement.
type hits struct {
	store func(ctx context.Context, tenant, dream string, hits, saved int64) error
	mu    sync.Mutex
	open  map[dreamOf]hit
}

type dreamOf struct{ tenant, dream string }

// hit is how many chats a dream has answered, and what they would have cost, in nano-dollars.
type hit struct{ chats, saved int64 }

func newHits(store func(ctx context.Context, tenant, dream string, hits, saved int64) error) *hits {
	return &hits{store: store, open: map[dreamOf]hit{}}
}

func (h *hits) add(tenant, dream string, saved int64) { h.count(dreamOf{tenant, dream}, hit{1, saved}) }

func (h *hits) count(of dreamOf, more hit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.open[of]
	h.open[of] = hit{known.chats + more.chats, known.saved + more.saved}
}

// keep stores what is counted until ctx ends, and what is left then.
func (h *hits) keep(ctx context.Context, log zerolog.Logger) {
	ticks := time.NewTicker(hitsEvery)
	defer ticks.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticks.C:
			h.flush(ctx, log)
		}
	}
	h.flush(context.WithoutCancel(ctx), log)
}

func (h *hits) take() map[dreamOf]hit {
	h.mu.Lock()
	defer h.mu.Unlock()
	counted := h.open
	h.open = map[dreamOf]hit{}
	return counted
}

// flush stores what is counted. What can not be stored is stored with the next.
func (h *hits) flush(ctx context.Context, log zerolog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, hitsEvery)
	defer cancel()
	for of, n := range h.take() {
		if err := h.store(ctx, of.tenant, of.dream, n.chats, n.saved); err != nil {
			h.count(of, n)
			log.Warn().Err(err).Str("dream", of.dream).Msg("could not store the hits of anticipated answers; they are stored later")
		}
	}
}
