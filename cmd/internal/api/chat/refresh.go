package chat

import (
	"context"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/wire"
)

// Bounds of the stale answers that are asked anew.
const (
	maxRefreshes = 32 // at once in a process: a stale answer beyond them waits for the next one that gets it
	refreshTime  = 5 * time.Minute
)

// refresh asks a stale answer anew, while its client has it already.
func (s *Chats) refresh(c *wire.Call, r *reading, stale *cache.Slot) {
	select {
	case s.refreshes <- struct{}{}:
	default:
		return
	}
	again := *c // the client's call ends before
	request := *r.request
	request.Stream, request.Usage = false, false
	asked := &reading{body: r.body, request: &request, by: r.by, missed: true, began: r.began}
	s.reports.Go(func() {
		defer func() { <-s.refreshes }()
		ctx, cancel := context.WithTimeout(s.life, refreshTime)
		defer cancel()
		again.Request, again.Reply, again.Release = c.WithContext(ctx), http.Header{}, nil
		s.renew(&again, asked, stale)
	})
}

// renew brings the cache a new answer in the place of a stale one, unless another does.
func (s *Chats) renew(c *wire.Call, r *reading, stale *cache.Slot) {
	slot := stale.Refresh(c.Context())
	if slot == nil {
		return
	}
	defer slot.GiveUp(c.Context())
	t, _, err := s.start(c, r)
	if err == nil {
		var body []byte
		if body, err = t.answer(); err == nil {
			slot.Keep(c.Context(), t.job.ID, body)
		}
	}
	if err != nil {
		s.Log.Warn().Err(err).Str("tenant", c.Tenant).Str("job", c.Job).Msg("a stale answer could not be asked anew; it is tried again")
	}
}
