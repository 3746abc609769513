package pace

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dreamlab/providers"
)

// center is what two processes share, without Redis: a third pacer.
type center struct {
	*Pacer
	turns map[string]*turn
}

func (c *center) Room(_ context.Context, key string, share float64) time.Duration {
	return c.room(key, share)
}

func (c *center) Take(_ context.Context, key string, need Need, live bool) (string, time.Duration) {
	t, _, wait := c.take(key, need, live)
	if wait > 0 {
		return "", wait
	}
	id := fmt.Sprint(len(c.turns))
	c.turns[id] = t
	return id, 0
}

func (c *center) Heard(_ context.Context, _, id string, left []providers.Allowance) {
	c.heard(c.turns[id], left)
}

// vendor counts tokens in fixed windows, or in a bucket that refills all the time.
type vendor struct {
	limit   int64
	window  time.Duration
	refills bool
	left    float64
	at      time.Time // until when left is counted, or when the window began
}

func (v *vendor) tick(now time.Time) {
	switch since := now.Sub(v.at); {
	case v.refills:
		v.left = min(float64(v.limit), v.left+float64(v.limit)*float64(since)/float64(v.window))
		v.at = now
	case since >= v.window:
		v.left, v.at = float64(v.limit), v.at.Add(since.Truncate(v.window))
	}
}

// serve counts a call, and tells whether it had to be refused.
func (v *vendor) serve(tokens int64, now time.Time) (told providers.Allowance, refused bool) {
	v.tick(now)
	v.left -= float64(tokens)
	reset := v.at.Add(v.window).Sub(now)
	if v.refills {
		reset = time.Duration((float64(v.limit)-v.left)/float64(v.limit)*float64(v.window)) + 1
	}
	left := max(0, int64(v.left))
	return providers.Allowance{Unit: providers.Tokens, Limit: v.limit, Left: left, Reset: reset, Refills: v.refills}, v.left < -1e-6
}

// call is one on its way: to the vendor until arrives, back until returns.
type call struct {
	tokens           int64
	arrives, returns time.Time
	served, lost     bool
	told             providers.Allowance
	heard            func([]providers.Allowance)
}

// TestBudgetsAreNeverExceeded has two processes send what they are allowed to a vendor.
// Calls overtake each other on the way there and back, and some answers are lost.
func TestBudgetsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	at := providers.Target{Provider: "v", Model: "m"}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		shared := &center{New(nil, clock), map[string]*turn{}}
		processes := []*Pacer{New(shared, clock), New(shared, clock)}
		v := &vendor{limit: 1000, window: time.Minute, refills: rapid.Bool().Draw(t, "refills"), left: 1000, at: now}
		served := 0
		var calls []*call
		send := func(process int, need int64) (sent bool) {
			heard, wait := processes[process].Take(context.Background(), at, need, false)
			if heard == nil {
				if wait <= 0 || wait > 2*time.Minute {
					t.Fatalf("to wait %v for %d tokens", wait, need)
				}
				return false
			}
			there := time.Duration(rapid.IntRange(1, 3000).Draw(t, "there")) * time.Millisecond
			back := time.Duration(rapid.IntRange(1, 3000).Draw(t, "back")) * time.Millisecond
			calls = append(calls, &call{
				tokens: rapid.Int64Range(1, need).Draw(t, "used"), heard: heard, lost: rapid.IntRange(0, 9).Draw(t, "lost") == 0,
				arrives: now.Add(there), returns: now.Add(there + back),
			})
			return true
		}
		pass := func(step time.Duration) {
			for end := now.Add(step); now.Before(end); now = now.Add(10 * time.Millisecond) {
				rest := calls[:0]
				for _, c := range calls {
					if !c.served && !c.arrives.After(now) {
						refused := false
						c.served, served = true, served+1
						if c.told, refused = v.serve(c.tokens, now); refused {
							t.Fatalf("the vendor had to refuse call %d", served)
						}
					}
					switch {
					case c.returns.After(now):
						rest = append(rest, c)
					case c.lost:
						c.heard(nil)
					default:
						c.heard([]providers.Allowance{c.told})
					}
				}
				calls = rest
			}
		}
		send(0, 10) // what is left is learned by a first call
		calls[0].lost = false
		pass(7 * time.Second)
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			for range rapid.IntRange(0, 4).Draw(t, "calls") {
				send(rapid.IntRange(0, 1).Draw(t, "process"), rapid.Int64Range(1, 400).Draw(t, "need"))
			}
			pass(time.Duration(rapid.IntRange(0, 400).Draw(t, "pause")) * 10 * time.Millisecond)
		}
		pass(2*time.Minute + 10*time.Second)
		if !send(0, 1000) {
			t.Fatalf("nothing may be sent after two minutes of silence")
		}
	})
}

// TestBudgetsAreUsed sends calls one after the other: all that is left is used.
func TestBudgetsAreUsed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p, v := New(nil, func() time.Time { return now }), &vendor{limit: 100, window: time.Minute, left: 100, at: now}
	at := providers.Target{Provider: "v", Model: "m"}
	sent := 0
	for {
		heard, wait := p.Take(t.Context(), at, 10, false)
		if heard == nil {
			if wait != time.Minute {
				t.Errorf("to wait %v, want the rest of the window", wait)
			}
			break
		}
		told, _ := v.serve(10, now)
		heard([]providers.Allowance{told})
		sent++
	}
	if sent != 10 {
		t.Errorf("%d calls were sent, want 10", sent)
	}
}

// TestRefillIsWaitedForNoLongerThanNeeded asks for less than the whole bucket.
func TestRefillIsWaitedForNoLongerThanNeeded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p := New(nil, func() time.Time { return now })
	at := providers.Target{Provider: "v", Model: "m"}
	heard, _ := p.Take(t.Context(), at, 1, false)
	heard([]providers.Allowance{{Unit: providers.Tokens, Limit: 8000, Left: 2000, Reset: 45 * time.Second, Refills: true}})
	if _, wait := p.Take(t.Context(), at, 4000, false); wait < 15*time.Second || wait > 15*time.Second+10*time.Millisecond {
		t.Errorf("to wait %v for 2,000 tokens of which 133 a second come back", wait)
	}
	now = now.Add(16 * time.Second)
	if heard, wait := p.Take(t.Context(), at, 4000, false); heard == nil {
		t.Errorf("then to wait %v more", wait)
	}
}

// TestAccountsAreApart keeps keys, models and tiers of service apart.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	p := New(nil, nil)
	none := []providers.Allowance{{Unit: providers.Requests, Limit: 5, Left: 0, Reset: time.Hour}}
	at := providers.Target{Provider: "v", Model: "m"}
	heard, _ := p.Take(t.Context(), at, 1, false)
	heard(none)
	if heard, _ := p.Take(t.Context(), at, 1, false); heard != nil {
		t.Error("nothing is left, and a call is sent")
	}
	for _, other := range []providers.Target{
		{Provider: "v", Model: "n"}, {Provider: "v", Model: "m", Account: "second"}, {Provider: "v", Model: "m", Service: "flex"},
	} {
		if heard, _ := p.Take(t.Context(), other, 1, false); heard == nil {
			t.Errorf("%s waits for another account", other.Key())
		}
	}
}

// TestNonsenseIsNotBelieved takes in what no vendor can mean.
func TestNonsenseIsNotBelieved(t *testing.T) {
	t.Parallel()
	p := New(nil, nil)
	at := providers.Target{Provider: "v", Model: "m"}
	for _, told := range []providers.Allowance{
		{Unit: providers.Tokens, Limit: -1}, {Unit: 7}, {Unit: providers.Requests, Left: -3}, {Unit: providers.Tokens, Reset: -time.Second},
	} {
		heard, _ := p.Take(t.Context(), at, 1, false)
		if heard == nil {
			t.Fatalf("%+v was believed", told)
		}
		heard([]providers.Allowance{told})
	}
	heard, _ := p.Take(t.Context(), at, 1, false)
	heard([]providers.Allowance{{Unit: providers.Requests, Limit: 1 << 62, Left: 0, Reset: 1000 * time.Hour}})
	if _, wait := p.Take(t.Context(), at, 1, false); wait > time.Hour {
		t.Errorf("to wait %v", wait)
	}
	for i := range 10_000 {
		p.Take(t.Context(), providers.Target{Provider: fmt.Sprint(i)}, 1, false)
	}
	if len(p.accounts) > maxAccounts {
		t.Errorf("%d accounts are kept", len(p.accounts))
	}
}

// TestRoomIsLeftForThoseWhoWait has a live call use up nine tenths of what two processes may
// send: others are to wait until a fifth of it is there again, and no longer than a minute
// after the last live call.
func TestRoomIsLeftForThoseWhoWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	shared := &center{New(nil, clock), map[string]*turn{}}
	chats, dreams := New(shared, clock), New(shared, clock)
	at := providers.Target{Provider: "v", Model: "m"}
	call := func(p *Pacer, live bool, left int64, reset time.Duration, refills bool) {
		heard, wait := p.Take(t.Context(), at, 1, live)
		if heard == nil {
			t.Fatalf("to wait %v", wait)
		}
		heard([]providers.Allowance{{Unit: providers.Tokens, Limit: 1000, Left: left, Reset: reset, Refills: refills}})
	}
	room := func(what string, want time.Duration) {
		t.Helper()
		for name, p := range map[string]*Pacer{"that of the chats": chats, "that of the dreams": dreams} {
			if wait := p.Room(t.Context(), at, 0.2); wait < want || wait > want+10*time.Millisecond {
				t.Errorf("%s: %s has others wait %v, want %v", what, name, wait, want)
			}
		}
	}
	room("nothing is known", 0)
	call(dreams, false, 100, 45*time.Second, false)
	room("nobody waits", 0)
	call(chats, true, 500, 45*time.Second, false)
	room("half is left", 0)
	call(chats, true, 100, 45*time.Second, false)
	room("a tenth is left", 45*time.Second)
	now = now.Add(30 * time.Second)
	room("half a minute later", 15*time.Second)
	now = now.Add(15 * time.Second)
	room("in the next window", 0)
	call(chats, true, 100, 90*time.Second, true)
	room("a tenth comes back in ten seconds", 10*time.Second)
	call(dreams, false, 100, 10*time.Minute, false)
	room("after a dream's call", 10*time.Minute)
	now = now.Add(LiveFor)
	room("nobody has waited for a minute", 0)
}
