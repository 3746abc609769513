// Package pace keeps calls within the budgets of requests and tokens that vendors state
// in the headers of their answers, so that they are met and not exceeded. It counts what
// was sent and what has been answered, for each account, model and tier of service.
//
// A header tells what was left when the vendor counted one call. Calls that were sent
// later, and those that were under way, may not be in that count: they are taken off it,
// so that what is left is never believed to be more than it is. See [book].
package pace

import (
	"context"
	"sync"
	"time"

	"dreamlab/providers"
)

// Need is what a call uses at most, by unit.
type Need [providers.Units]int64

// Shared counts over all processes. An implementation that can not reach what they share
// says so in its own log, and knows of nothing.
type Shared interface {
	// Take counts a call, by a turn that is "" where nothing is known of the account. A
	// wait means that there is no room for the call before. Live calls are noted for Room.
	Take(ctx context.Context, key string, need Need, live bool) (turn string, wait time.Duration)
	// Room tells how long to wait until such a share of the limits is left, 0 where no live
	// call was noted within [LiveFor].
	Room(ctx context.Context, key string, share float64) time.Duration
	// Heard ends a turn and takes in what the vendor says is left.
	Heard(ctx context.Context, key, turn string, left []providers.Allowance)
}

// Limits of what is kept, and of what a vendor is believed.
const (
	maxAccounts = 4096
	maxLeft     = 1 << 40
	maxReset    = time.Hour   // as a Retry-After is obeyed
	window      = time.Minute // where a vendor does not say when a limit is reset
	askAgain    = time.Second // for which nothing known to other processes is believed
)

// LiveFor is how long after a call that somebody waited for room is left for others.
const LiveFor = time.Minute

// Pacer is the router's [providers.Pace]. It is safe for concurrent use.
type Pacer struct {
	now    func() time.Time
	shared Shared

	mu       sync.Mutex
	accounts map[string]*account
}

// account is what a vendor limits: a model for one key in a tier of service.
type account struct {
	books [providers.Units]book
	asked time.Time // when other processes were last found to know nothing
	live  time.Time // when somebody last waited for a call
}

// turn is a call under way.
type turn struct {
	key    string
	need   Need
	done   Need   // what had been answered when it was sent
	live   bool   // somebody waits for it
	shared string // see [Shared]
}

// New returns a pacer. Shared is nil where the process is alone; the clock defaults to
// time.Now.
func New(shared Shared, now func() time.Time) *Pacer {
	if now == nil {
		now = time.Now
	}
	return &Pacer{now: now, shared: shared, accounts: map[string]*account{}}
}

// Take asks whether a call may be sent now, as [providers.Pace] says.
func (p *Pacer) Take(ctx context.Context, target providers.Target, tokens int64, live bool) (
	heard func([]providers.Allowance), wait time.Duration,
) {
	key := target.Key()
	turn, ask, wait := p.take(key, Need{providers.Requests: 1, providers.Tokens: tokens}, live)
	if wait > 0 {
		return nil, wait
	}
	if ask {
		if wait = p.askShared(ctx, turn); wait > 0 {
			p.heard(turn, nil)
			return nil, wait
		}
	}
	return func(left []providers.Allowance) {
		left = plausible(left)
		p.heard(turn, left)
		if p.shared != nil && (turn.shared != "" || len(left) > 0) {
			p.shared.Heard(context.WithoutCancel(ctx), key, turn.shared, left)
		}
	}, 0
}

// take counts a call of this process, and tells whether the other processes are to be
// asked as well.
func (p *Pacer) take(key string, need Need, live bool) (t *turn, ask bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, a := p.now(), p.account(key)
	if live {
		a.live = now
	}
	known := false
	for unit := range a.books {
		b := &a.books[unit]
		need[unit] = b.fit(need[unit])
		wait = max(wait, b.wait(need[unit], now))
		known = known || b.told
	}
	if wait > 0 {
		return nil, false, wait
	}
	t = &turn{key: key, need: need, live: live}
	for unit := range a.books {
		t.done[unit] = a.books[unit].done
		a.books[unit].sent += need[unit]
	}
	ask = p.shared != nil && (known || now.Sub(a.asked) >= askAgain)
	return t, ask, 0
}

func (p *Pacer) askShared(ctx context.Context, t *turn) time.Duration {
	turn, wait := p.shared.Take(ctx, t.key, t.need, t.live)
	t.shared = turn
	if turn == "" && wait == 0 {
		p.mu.Lock()
		p.account(t.key).asked = p.now()
		p.mu.Unlock()
	}
	return wait
}

// Room tells how long to wait until such a share of the limits is left, as
// [providers.Pace] says.
func (p *Pacer) Room(ctx context.Context, target providers.Target, share float64) time.Duration {
	key := target.Key()
	wait := p.room(key, share)
	if p.shared != nil {
		wait = max(wait, p.shared.Room(ctx, key, share))
	}
	return wait
}

// room goes by the calls of this process.
func (p *Pacer) room(key string, share float64) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, now := p.accounts[key], p.now()
	if a == nil || now.Sub(a.live) >= LiveFor {
		return 0
	}
	for unit := range a.books {
		b := &a.books[unit]
		wait = max(wait, b.wait(int64(share*float64(b.limit)), now))
	}
	return wait
}

// heard ends a turn in this process.
func (p *Pacer) heard(t *turn, left []providers.Allowance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, now := p.account(t.key), p.now()
	for unit := range a.books {
		a.books[unit].done += t.need[unit]
	}
	for _, l := range left {
		a.books[l.Unit].learn(l, t.done[l.Unit]+t.need[l.Unit], now)
	}
}

// account returns what is known of an account, and forgets another where there are too
// many.
func (p *Pacer) account(key string) *account {
	a := p.accounts[key]
	if a != nil {
		return a
	}
	if len(p.accounts) >= maxAccounts {
		for other := range p.accounts {
			delete(p.accounts, other)
			break
		}
	}
	a = &account{}
	p.accounts[key] = a
	return a
}

// plausible holds what a vendor says to what can be.
func plausible(told []providers.Allowance) []providers.Allowance {
	var left []providers.Allowance
	for _, l := range told {
		if l.Unit < 0 || l.Unit >= providers.Units || l.Left < 0 || l.Limit < 0 || l.Reset < 0 {
			continue
		}
		l.Limit = min(l.Limit, maxLeft)
		l.Left = min(l.Left, maxLeft)
		if l.Limit > 0 {
			l.Left = min(l.Left, l.Limit)
		}
		if l.Reset == 0 {
			l.Reset, l.Refills = window, false
		}
		l.Reset = min(l.Reset, maxReset)
		left = append(left, l)
	}
	return left
}
