package chat

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/wire"
)

// lookUp asks the cache for a chat's answer. An answer is that of the route in force,
// so that the route is read for it.
func (s *Chats) lookUp(c *wire.Call, r *reading) (*cache.Slot, error) {
	q := cache.Question{Tenant: c.Tenant, Request: r.request, Header: c.Header}
	if !q.Cacheable() {
		return &cache.Slot{State: cache.Bypass}, nil
	}
	if err := s.place(c, r, s.aliases.read); err != nil {
		return nil, err
	}
	q.Route = r.by.Route
	if s.Vector != nil {
		q.Vector = func(ctx context.Context, text string) ([]float32, error) { return s.Vector(asideOf(c, ctx), text) }
	}
	slot, err := s.Cache.Enter(c.Context(), q)
	if err == nil {
		r.missed = slot.Wanted()
	}
	return slot, err
}

// asideOf is a call beside the client's: what it makes and answers is not told to the client.
func asideOf(c *wire.Call, ctx context.Context) *wire.Call {
	aside := *c
	aside.Request, aside.Reply, aside.Release = c.WithContext(ctx), http.Header{}, nil
	return &aside
}

// answerCached gives an answer from the cache: no job is made, and nothing is paid.
func (s *Chats) answerCached(w http.ResponseWriter, c *wire.Call, r *reading, slot *cache.Slot) error {
	c.BodyDone()
	if slot.Dream != "" {
		s.hits.add(c.Tenant, slot.Dream, slot.Saved())
	}
	if slot.State == cache.Stale {
		s.refresh(c, r, slot)
	}
	w.Header().Set("Age", strconv.Itoa(int(slot.Age.Seconds())))
	if r.request.Stream {
		return play(w, wire.NewSSE(w, s.Sandbox), slot.Body, r.request.Usage)
	}
	return WriteAnswer(w, slot.Body, time.Since(r.began))
}

// keep gives the answer to the cache, where that takes it.
func (t *turn) keep(body []byte) {
	if t.slot != nil && t.slot.Wanted() {
		t.slot.Keep(t.call.Context(), t.job.ID, body)
	}
}

// keepStreamed is keep for an answer that was streamed: the job has it whole. Without
// it there is one answer less in the cache.
func (t *turn) keepStreamed() {
	if t.slot == nil || !t.slot.Wanted() {
		return
	}
	ended, err := t.chats.Store.Job(t.call.Context(), t.job.Tenant, t.job.ID)
	if err != nil {
		t.chats.Log.Warn().Err(err).Str("job", t.job.ID).Msg("could not read an answer for the cache")
		return
	}
	t.keep(ended.Result)
}
