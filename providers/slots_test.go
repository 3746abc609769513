package providers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"dreamlab/providers"
)

// counted has so much room at each vendor, and remembers how it was asked.
type counted struct {
	mu    sync.Mutex
	room  map[string]int
	waits []time.Duration
}

func (c *counted) Take(_ context.Context, target providers.Target, wait time.Duration) (func(), bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = append(c.waits, wait)
	if c.room[target.Provider] == 0 {
		return nil, false
	}
	c.room[target.Provider]--
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.room[target.Provider]++
	}, true
}

func TestRouterKeepsWithinTheRoom(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		room   map[string]int
		script step
		want   string // who answers
		kind   providers.Kind
		waited []bool
	}{
		"room":               {map[string]int{"cheap": 1, "dear": 1}, says("c"), "cheap", "", []bool{false}},
		"full":               {map[string]int{"dear": 1}, says("c"), "dear", "", []bool{false, true}},
		"all full":           {nil, says("c"), "", providers.KindBusy, []bool{false, true}},
		"given back, failed": {map[string]int{"cheap": 1, "dear": 1}, fails(providers.KindAuth), "dear", "", []bool{false, true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string][]step{"cheap": {tc.script}, "dear": {says("d")}})
			room := &counted{room: map[string]int{"cheap": tc.room["cheap"], "dear": tc.room["dear"]}}
			w.limit(t, room)
			answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
			switch {
			case tc.want != "" && (err != nil || answer.Target.Provider != tc.want):
				t.Errorf("got %+v, %v", answer, err)
			case tc.want == "":
				var e *providers.Error
				if !errors.As(err, &e) || e.Kind != tc.kind || e.RetryAfter <= 0 || e.Charge != providers.ChargeNone {
					t.Errorf("got %v", err)
				}
				if len(w.books.tries) > 0 {
					t.Errorf("reserved: %+v", w.books.tries)
				}
			}
			for i, wait := range room.waits {
				if i >= len(tc.waited) || wait > 0 != tc.waited[i] {
					t.Errorf("waited %v", room.waits)
				}
			}
			if room.room["cheap"] != tc.room["cheap"] || room.room["dear"] != tc.room["dear"] {
				t.Errorf("room is left: %v", room.room)
			}
		})
	}
}
